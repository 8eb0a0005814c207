// A signed accumulator times an unsigned scale of S fraction bits, to the nearest integer, ties to even, then clipped.
module requantise #(
    parameter ACC = 24,
    parameter S = 16,
    parameter Y = 8,
    parameter SIGNED = 1
) (
    input  [ACC-1:0] a,
    input  [S-1:0]   b,
    output [Y-1:0]   y
);
    wire [ACC+S-1:0] product;
    generate
        if (ACC >= S) begin : by_scale
            int_product #(.A(ACC), .B(S), .A_SIGNED(1), .B_SIGNED(0)) scaled (.a(a), .b(b), .y(product));
        end else begin : by_accumulator
            int_product #(.A(S), .B(ACC), .A_SIGNED(0), .B_SIGNED(1)) scaled (.a(b), .b(a), .y(product));
        end
    endgenerate
    wire up = product[S-1] & (|product[S-2:0] | product[S]);
    wire [ACC:0] rounded;
    adder #(.A(ACC), .B(2), .Y(ACC + 1), .SIGNED(1)) round (.a(product[ACC+S-1:S]), .b({1'b0, up}), .y(rounded));
    clip #(.W(ACC + 1), .Y(Y), .SIGNED(SIGNED)) limit (.x(rounded), .y(y));
endmodule

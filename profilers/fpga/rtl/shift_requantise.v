// A signed accumulator divided by 2^b, to the nearest integer, ties to even, then clipped.
module shift_requantise #(
    parameter ACC = 24,
    parameter S = 5,
    parameter Y = 8,
    parameter SIGNED = 1
) (
    input  [ACC-1:0] a,
    input  [S-1:0]   b,
    output [Y-1:0]   y
);
    localparam LOST = 1 << S;
    wire signed [ACC+LOST-1:0] wide = {a, {LOST{1'b0}}};
    wire signed [ACC+LOST-1:0] moved = wide >>> b;
    wire [ACC-1:0] kept = moved[ACC+LOST-1:LOST];
    wire up = moved[LOST-1] & (|moved[LOST-2:0] | kept[0]);
    wire [ACC:0] rounded;
    adder #(.A(ACC), .B(2), .Y(ACC + 1), .SIGNED(1)) round (.a(kept), .b({1'b0, up}), .y(rounded));
    clip #(.W(ACC + 1), .Y(Y), .SIGNED(SIGNED)) limit (.x(rounded), .y(y));
endmodule

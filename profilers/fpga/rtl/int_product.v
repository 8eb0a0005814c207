// y = a * b. Rows are the bits of b, so the caller gives the shorter operand as b: B - 1 carry rows of A + 1 bits.
module int_product #(
    parameter A = 8,
    parameter B = 8,
    parameter A_SIGNED = 1,
    parameter B_SIGNED = 1
) (
    input  [A-1:0]   a,
    input  [B-1:0]   b,
    output [A+B-1:0] y
);
    localparam W = A + 1;
    wire         sign = A_SIGNED ? a[A-1] : 1'b0;
    wire [W-1:0] wide = {sign, a};
    wire [W*B-1:0] sums;
    genvar row;

    generate
        if (B == 1) begin : gate
            assign y = wide & {W{b[0]}};
        end else if (A + B <= 6) begin : looked_up
            table_product #(.A(A), .B(B), .A_SIGNED(A_SIGNED), .B_SIGNED(B_SIGNED)) product (.a(a), .b(b), .y(y));
        end else begin : rows
            assign sums[W-1:0] = wide & {W{b[0]}};
            assign y[0] = sums[0];
            for (row = 1; row < B; row = row + 1) begin : add
                wire [W-1:0] before = sums[W*(row-1) +: W];
                partial_row #(.W(W), .SUBTRACT(B_SIGNED && row == B - 1)) chain (
                    .x({A_SIGNED ? before[W-1] : 1'b0, before[W-1:1]}), .a(wide), .bit_set(b[row]), .y(sums[W*row +: W])
                );
                if (row < B - 1) begin : low
                    assign y[row] = sums[W*row];
                end
            end
            assign y[A+B-1:B-1] = sums[W*(B-1) +: W];
        end
    endgenerate
endmodule

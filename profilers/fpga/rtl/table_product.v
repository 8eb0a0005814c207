// A product of at most six input bits in all, without a carry chain: every output bit is then one LUT.
module table_product #(
    parameter A = 3,
    parameter B = 3,
    parameter A_SIGNED = 1,
    parameter B_SIGNED = 1
) (
    input      [A-1:0]   a,
    input      [B-1:0]   b,
    output reg [A+B-1:0] y
);
    wire [A+B-1:0] wide = {{B{A_SIGNED ? a[A-1] : 1'b0}}, a};
    reg  [A+B-1:0] term;
    reg            carry, half;
    integer        row, i;

    always @* begin
        y = 0;
        for (row = 0; row < B; row = row + 1) begin
            term = (wide << row) & {(A + B) {b[row]}};
            carry = 0;
            if (B_SIGNED && row == B - 1) begin
                term = ~term;
                carry = 1;
            end
            for (i = 0; i < A + B; i = i + 1) begin
                half = y[i] ^ term[i];
                y[i] = half ^ carry;
                carry = half ? carry : term[i];
            end
        end
    end
endmodule

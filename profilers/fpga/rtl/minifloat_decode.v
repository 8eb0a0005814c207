// A minifloat's fields: exponent counts from the subnormals' (0 for them and for the first normals), significand has
// its hidden bit. SPECIAL: 0 none, 1 ieee (infinities and nan), 2 fn (one nan), 3 fnuz (nan at negative zero).
module minifloat_decode #(
    parameter E = 4,
    parameter M = 3,
    parameter SPECIAL = 0
) (
    input  [E+M:0] code,
    output         sign,
    output [E-1:0] exponent,
    output [M:0]   significand,
    output         infinite,
    output         not_number
);
    wire [E-1:0] field = code[E+M-1:M];
    wire         normal = |field;
    wire [M:0]   low = code[M:0] & {1'b0, {M{1'b1}}};
    wire         ones = &field;
    genvar i;

    assign sign = code[E+M];
    assign exponent[0] = field[0] ? 1'b0 : normal;
    generate
        for (i = 1; i < E; i = i + 1) begin : decrement
            assign exponent[i] = (field[i] ^ ~|field[i-1:0]) & normal;
        end
    endgenerate
    assign significand = low | ({{M{1'b0}}, normal} << M);
    assign infinite = (SPECIAL == 1) && ones && low == 0;
    assign not_number = (SPECIAL == 1) ? ones && low != 0 :
                        (SPECIAL == 2) ? &code[E+M-1:0] :
                        (SPECIAL == 3) ? sign && code[E+M-1:0] == 0 : 1'b0;
endmodule

// A minifloat as a fixed-point number in units of its smallest subnormal, SHIFT its largest exponent.
module minifloat_to_fixed #(
    parameter E = 4,
    parameter M = 3,
    parameter SPECIAL = 0,
    parameter SHIFT = 14,
    parameter Y = 19
) (
    input  [E+M:0] a,
    output [Y-1:0] y,
    output         invalid
);
    wire sign, infinite, not_number;
    wire [E-1:0] exponent;
    wire [M:0] significand;
    wire [M+1:0] value;

    minifloat_decode #(.E(E), .M(M), .SPECIAL(SPECIAL)) fields (
        .code(a), .sign(sign), .exponent(exponent), .significand(significand), .infinite(infinite),
        .not_number(not_number)
    );
    conditional_negate #(.W(M + 1), .Y(M + 2)) signs (.x(significand), .negate(sign), .y(value));
    wire [Y-1:0] wide = {{(Y + 1 - M - 2) {value[M+1]}}, value[M:0]};
    assign y = SHIFT > 0 ? wide << exponent : wide;
    assign invalid = infinite | not_number;
endmodule

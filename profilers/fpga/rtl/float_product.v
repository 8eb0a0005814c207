// The product of two operands, rounded once to a minifloat; BASE is the exponent of the product's lowest bit, in units
// of the output's smallest subnormal.
module float_product #(
    parameter A_BITS = 8, parameter A_SIGNED = 1, parameter A_E = 4, parameter A_SPECIAL = 0, parameter A_S = 4,
    parameter B_BITS = 8, parameter B_SIGNED = 1, parameter B_E = 4, parameter B_SPECIAL = 0, parameter B_S = 4,
    parameter E = 4, parameter M = 3, parameter SPECIAL = 0, parameter TOP = 127,
    parameter BASE = 0,
    parameter X = 8
) (
    input  [A_BITS-1:0] a,
    input  [B_BITS-1:0] b,
    output [E+M:0]      y
);
    localparam A_X = A_E > 0 ? A_E : 1;
    localparam B_X = B_E > 0 ? B_E : 1;
    wire a_sign, b_sign, a_infinite, b_infinite, a_nan, b_nan;
    wire [A_X-1:0] a_exponent;
    wire [B_X-1:0] b_exponent;
    wire [A_S-1:0] a_significand;
    wire [B_S-1:0] b_significand;
    wire [A_S+B_S-1:0] product;

    operand #(.BITS(A_BITS), .IS_SIGNED(A_SIGNED), .E(A_E), .SPECIAL(A_SPECIAL), .MAGNITUDE(1), .S(A_S), .X(A_X)) left (
        .code(a), .sign(a_sign), .exponent(a_exponent), .significand(a_significand), .infinite(a_infinite),
        .not_number(a_nan)
    );
    operand #(.BITS(B_BITS), .IS_SIGNED(B_SIGNED), .E(B_E), .SPECIAL(B_SPECIAL), .MAGNITUDE(1), .S(B_S), .X(B_X)) right (
        .code(b), .sign(b_sign), .exponent(b_exponent), .significand(b_significand), .infinite(b_infinite),
        .not_number(b_nan)
    );
    int_product #(.A(A_S), .B(B_S), .A_SIGNED(0), .B_SIGNED(0)) significands (
        .a(a_significand), .b(b_significand), .y(product)
    );
    wire infinite = a_infinite | b_infinite;
    wire zero = ~|a_significand | ~|b_significand;
    wire signed [X-1:0] scale = $signed({1'b0, a_exponent}) + $signed({1'b0, b_exponent}) + $signed(BASE);
    round_to_minifloat #(.W(A_S + B_S), .X(X), .E(E), .M(M), .SPECIAL(SPECIAL), .TOP(TOP)) result (
        .sign(a_sign ^ b_sign), .magnitude(product), .scale(scale), .infinite(infinite),
        .not_number(a_nan | b_nan | (infinite & zero)), .code(y)
    );
endmodule

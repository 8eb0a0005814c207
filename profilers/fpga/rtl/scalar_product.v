// The exact product of two operands as a fixed-point number: integers, minifloats or one of each.
// The significands' product takes the sign, then moves left by the sum of the exponents, at most SHIFT.
module scalar_product #(
    parameter A_BITS = 8, parameter A_SIGNED = 1, parameter A_E = 0, parameter A_SPECIAL = 0, parameter A_S = 8,
    parameter B_BITS = 8, parameter B_SIGNED = 1, parameter B_E = 0, parameter B_SPECIAL = 0, parameter B_S = 8,
    parameter SHIFT = 0,
    parameter P = 16,
    parameter Y = 16
) (
    input  [A_BITS-1:0] a,
    input  [B_BITS-1:0] b,
    output [Y-1:0]      y,
    output              invalid
);
    localparam A_X = A_E > 0 ? A_E : 1;
    localparam B_X = B_E > 0 ? B_E : 1;
    localparam A_INT = A_E == 0 && A_SIGNED;
    localparam B_INT = B_E == 0 && B_SIGNED;
    localparam X = SHIFT > 0 ? $clog2(SHIFT + 1) : 1;
    wire a_sign, b_sign, a_infinite, b_infinite, a_nan, b_nan;
    wire [A_X-1:0] a_exponent;
    wire [B_X-1:0] b_exponent;
    wire [A_S-1:0] a_significand;
    wire [B_S-1:0] b_significand;
    wire [A_S+B_S-1:0] product;
    wire [P-1:0] signed_product;

    operand #(.BITS(A_BITS), .IS_SIGNED(A_SIGNED), .E(A_E), .SPECIAL(A_SPECIAL), .S(A_S), .X(A_X)) left (
        .code(a), .sign(a_sign), .exponent(a_exponent), .significand(a_significand), .infinite(a_infinite),
        .not_number(a_nan)
    );
    operand #(.BITS(B_BITS), .IS_SIGNED(B_SIGNED), .E(B_E), .SPECIAL(B_SPECIAL), .S(B_S), .X(B_X)) right (
        .code(b), .sign(b_sign), .exponent(b_exponent), .significand(b_significand), .infinite(b_infinite),
        .not_number(b_nan)
    );
    int_product #(.A(A_S), .B(B_S), .A_SIGNED(A_INT), .B_SIGNED(B_INT)) significands (
        .a(a_significand), .b(b_significand), .y(product)
    );
    assign invalid = a_infinite | b_infinite | a_nan | b_nan;

    generate
        if (A_E > 0 || B_E > 0) begin : minifloat
            conditional_negate #(.W(A_S + B_S), .Y(P), .SIGNED(A_INT || B_INT)) signs (
                .x(product), .negate(a_sign ^ b_sign), .y(signed_product)
            );
        end else begin : integer_
            assign signed_product = product;
        end
        if (SHIFT > 0) begin : shifted
            wire [X-1:0] amount;
            if (A_E > 1 && B_E > 1) begin : sum
                adder #(.A(A_X), .B(B_X), .Y(X), .SIGNED(0)) exponents (.a(a_exponent), .b(b_exponent), .y(amount));
            end else begin : one
                assign amount = A_E > 1 ? a_exponent : b_exponent;
            end
            wire [Y-1:0] wide = {{(Y - P) {signed_product[P-1]}}, signed_product};
            assign y = wide << amount;
        end else begin : fixed
            assign y = signed_product;
        end
    endgenerate
endmodule

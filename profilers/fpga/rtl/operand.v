// An operand's parts: an integer (E = 0) is all significand, a minifloat has a sign and an exponent of its own.
// MAGNITUDE splits a signed integer into sign and magnitude too.
module operand #(
    parameter BITS = 8,
    parameter IS_SIGNED = 1,
    parameter E = 0,
    parameter SPECIAL = 0,
    parameter MAGNITUDE = 0,
    parameter S = 8,
    parameter X = 1
) (
    input  [BITS-1:0] code,
    output            sign,
    output [X-1:0]    exponent,
    output [S-1:0]    significand,
    output            infinite,
    output            not_number
);
    generate
        if (E > 0) begin : minifloat
            minifloat_decode #(.E(E), .M(BITS - 1 - E), .SPECIAL(SPECIAL)) fields (
                .code(code), .sign(sign), .exponent(exponent), .significand(significand), .infinite(infinite),
                .not_number(not_number)
            );
        end else begin : integer_
            assign sign = MAGNITUDE && IS_SIGNED ? code[BITS-1] : 1'b0;
            assign exponent = 0;
            assign infinite = 1'b0;
            assign not_number = 1'b0;
            if (MAGNITUDE && IS_SIGNED) begin : absolute
                conditional_negate #(.W(BITS), .Y(BITS)) size (.x(code), .negate(code[BITS-1]), .y(significand));
            end else begin : plain
                assign significand = code;
            end
        end
    endgenerate
endmodule

// A fixed-point number to the nearest minifloat; BASE is the exponent of its lowest bit, in units of the output's
// smallest subnormal.
module fixed_to_minifloat #(
    parameter W = 8, parameter IS_SIGNED = 1,
    parameter E = 4, parameter M = 3, parameter SPECIAL = 0, parameter TOP = 127,
    parameter BASE = 0,
    parameter X = 8
) (
    input  [W-1:0] a,
    output [E+M:0] y
);
    wire sign = IS_SIGNED ? a[W-1] : 1'b0;
    wire [W-1:0] magnitude;
    wire signed [X-1:0] scale = BASE;

    generate
        if (IS_SIGNED) begin : absolute
            conditional_negate #(.W(W), .Y(W)) size (.x(a), .negate(sign), .y(magnitude));
        end else begin : plain
            assign magnitude = a;
        end
    endgenerate
    round_to_minifloat #(.W(W), .X(X), .E(E), .M(M), .SPECIAL(SPECIAL), .TOP(TOP)) result (
        .sign(sign), .magnitude(magnitude), .scale(scale), .infinite(1'b0), .not_number(1'b0), .code(y)
    );
endmodule

// y = negate ? -x : x, with x extended to the width of y by its sign, or by zeros: one LUT and one carry a bit.
(* keep_hierarchy *)
module conditional_negate #(
    parameter W = 8,
    parameter Y = 9,
    parameter SIGNED = 0
) (
    input  [W-1:0] x,
    input          negate,
    output [Y-1:0] y
);
    wire [Y:0] wide = {{(Y + 1 - W) {SIGNED ? x[W-1] : 1'b0}}, x};
    assign y = (wide[Y-1:0] ^ {Y{negate}}) + {{(Y - 1) {1'b0}}, negate};
endmodule

// A signed integer held within the range of Y bits.
module clip #(
    parameter W = 16,
    parameter Y = 8,
    parameter SIGNED = 1
) (
    input  [W-1:0] x,
    output [Y-1:0] y
);
    wire minus = x[W-1];
    wire over = SIGNED ? !minus && |x[W-2:Y-1] : !minus && |x[W-2:Y];
    wire under = SIGNED ? minus && !(&x[W-2:Y-1]) : minus;
    wire [Y-1:0] top = SIGNED ? {1'b0, {(Y - 1) {1'b1}}} : {Y{1'b1}};
    wire [Y-1:0] bottom = SIGNED ? {1'b1, {(Y - 1) {1'b0}}} : {Y{1'b0}};
    assign y = over ? top : under ? bottom : x[Y-1:0];
endmodule

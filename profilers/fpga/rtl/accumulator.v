// A register that adds x every cycle, or starts again from x where clear is set; it wraps at its width.
(* keep_hierarchy *)
module accumulator #(
    parameter W = 8,
    parameter ACC = 24,
    parameter SIGNED = 1
) (
    input                clk,
    input                clear,
    input      [W-1:0]   x,
    output reg [ACC-1:0] y
);
    wire [ACC:0] wide = {{(ACC + 1 - W) {SIGNED ? x[W-1] : 1'b0}}, x};
    always @(posedge clk) y <= (y & {ACC{~clear}}) + wide[ACC-1:0];
endmodule

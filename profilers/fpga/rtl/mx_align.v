// A block's sum times 2^(a_scale + b_scale - 254 + FRACTION), a and b E8M0 scales: its floor, modulo 2^ACC.
module mx_align #(
    parameter K = 16,
    parameter ACC = 32,
    parameter FRACTION = 0
) (
    input  [K-1:0]   x,
    input  [7:0]     a_scale,
    input  [7:0]     b_scale,
    output [ACC-1:0] y,
    output           invalid
);
    localparam FAR = ACC + K;
    localparam T = $clog2(FAR + 1);
    wire signed [10:0] right = $signed(ACC + 254 - FRACTION) - $signed({3'b0, a_scale}) - $signed({3'b0, b_scale});
    wire [T-1:0] amount = right < 0 ? 0 : right > FAR ? FAR : right;
    wire signed [ACC+K-1:0] wide = {x, {ACC{1'b0}}};
    wire signed [ACC+K-1:0] moved = wide >>> amount;
    assign y = moved[ACC-1:0];
    assign invalid = &a_scale | &b_scale;
endmodule

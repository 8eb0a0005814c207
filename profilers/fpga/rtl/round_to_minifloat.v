// magnitude * 2^scale, in units of the output's smallest subnormal, to the nearest minifloat, ties to even.
// Beyond the largest value: infinity (ieee), nan (fn, fnuz), or the largest value (no special codes).
module round_to_minifloat #(
    parameter W = 8,
    parameter X = 6,
    parameter E = 4,
    parameter M = 3,
    parameter SPECIAL = 0,
    parameter TOP = 127
) (
    input          sign,
    input  [W-1:0] magnitude,
    input  [X-1:0] scale,
    input          infinite,
    input          not_number,
    output [E+M:0] code
);
    localparam L = $clog2(W + 1);
    localparam R = $clog2(M + 3);
    localparam Z = W + M + 2;
    localparam INF = ((1 << E) - 1) << M;

    // normalise: the leading one moves to the top bit, stage by stage
    wire [W*(L+1)-1:0] stages;
    wire [L-1:0] zeros;
    genvar i;
    assign stages[W*L +: W] = magnitude;
    generate
        for (i = L - 1; i >= 0; i = i - 1) begin : normalise
            wire [W-1:0] x = stages[W*(i+1) +: W];
            if ((1 << i) < W) begin : move
                assign zeros[i] = ~|x[W-1 -: (1 << i)];
                assign stages[W*i +: W] = zeros[i] ? x << (1 << i) : x;
            end else begin : keep
                assign zeros[i] = 1'b0;
                assign stages[W*i +: W] = x;
            end
        end
    endgenerate
    wire [W-1:0] normal = stages[W-1:0];

    // top: where the leading one would be in units of the smallest subnormal, less M; negative below the normals
    wire signed [X+1:0] top = $signed(scale) + $signed(W - 1 - M) - $signed({1'b0, zeros});
    wire subnormal = top[X+1];
    wire signed [X+1:0] down = -top;
    wire [R-1:0] right = subnormal ? ((down > M + 2) ? M + 2 : down) : 0;
    wire [Z-1:0] aligned = {normal, {(M + 2) {1'b0}}} >> right;
    wire [M:0] kept = aligned[Z-1 -: M+1];
    wire guard = aligned[Z-M-2];
    wire sticky = |aligned[Z-M-3:0] | (subnormal && down > M + 2 && normal[W-1]);
    wire up = guard & (sticky | kept[0]);
    wire [X+M+1:0] field = normal[W-1] && !subnormal ? {{(M + 1) {1'b0}}, top[X:0]} << M : 0;
    wire [X+M+1:0] rounded = field + kept + up;
    wire over = rounded > TOP || infinite;

    wire [E+M-1:0] limit = SPECIAL == 1 ? INF : SPECIAL == 2 ? {(E + M) {1'b1}} : TOP;
    wire [E+M-1:0] size = over ? limit : rounded[E+M-1:0];
    wire lost = not_number || (over && SPECIAL == 3);
    assign code = lost && SPECIAL == 3 ? {1'b1, {(E + M) {1'b0}}} :
                  lost ? {sign, {(E + M) {1'b1}}} :
                  {sign && !(SPECIAL == 3 && size == 0), size};
endmodule

// The sum of N terms of W bits, exact: a balanced tree whose adders grow by one bit a level.
module adder_tree #(
    parameter N = 4,
    parameter W = 8,
    parameter SIGNED = 1,
    parameter Y = W + $clog2(N)
) (
    input  [N*W-1:0] x,
    output [Y-1:0]   y
);
    localparam LEFT = N - N / 2;
    localparam RIGHT = N / 2;
    localparam A = W + $clog2(LEFT);
    localparam B = W + $clog2(RIGHT > 0 ? RIGHT : 1);

    generate
        if (N == 1) begin : leaf
            assign y = x;
        end else begin : node
            wire [A-1:0] a;
            wire [B-1:0] b;
            adder_tree #(.N(LEFT), .W(W), .SIGNED(SIGNED)) left (.x(x[LEFT*W-1:0]), .y(a));
            adder_tree #(.N(RIGHT), .W(W), .SIGNED(SIGNED)) right (.x(x[N*W-1:LEFT*W]), .y(b));
            adder #(.A(A), .B(B), .Y(Y), .SIGNED(SIGNED)) sum (.a(a), .b(b), .y(y));
        end
    endgenerate
endmodule

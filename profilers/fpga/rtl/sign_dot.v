// The sum of N integers times binary (0: -1, 1: +1) or ternary (two's complement) weights. Each term is x, ~x or 0; a
// count of the inverted terms makes up for -x = ~x + 1.
module sign_dot #(
    parameter N = 8,
    parameter A = 4,
    parameter A_SIGNED = 1,
    parameter TERNARY = 0,
    parameter W = A + 1 - A_SIGNED,
    parameter Y = W + $clog2(N) + 1
) (
    input  [N*A-1:0]             a,
    input  [N*(1+TERNARY)-1:0]   b,
    output [Y-1:0]               y
);
    localparam T = W + $clog2(N);
    localparam C = 2 + $clog2((N + 2) / 3);
    wire [N*W-1:0] terms;
    wire [N-1:0]   inverted;
    wire [T-1:0]   sum;
    wire [C-1:0]   count;
    genvar i;

    generate
        for (i = 0; i < N; i = i + 1) begin : term
            wire [A:0]   x = {1'b0, a[A*i +: A]};
            wire         minus = TERNARY ? b[i*(1+TERNARY)+TERNARY] : ~b[i];
            wire         zero = TERNARY ? ~b[i*(1+TERNARY)] : 1'b0;
            assign inverted[i] = minus & ~zero;
            assign terms[W*i +: W] = (x[W-1:0] ^ {W{minus}}) & {W{~zero}};
        end
        adder_tree #(.N(N), .W(W), .SIGNED(1)) tree (.x(terms), .y(sum));
        binary_dot #(.N(N)) signs (.a(inverted), .b({N{1'b1}}), .y(count));
        wire [Y-1:0] correction = {{Y{1'b0}}, count};
        adder #(.A(T), .B(Y), .Y(Y), .SIGNED(1)) result (.a(sum), .b(correction), .y(y));
    endgenerate
endmodule

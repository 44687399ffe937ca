// Every constant of five bits, and some narrow and wide ones, added and subtracted on random operands.
module adder_check #(
    parameter            BITS     = 4,
    parameter            SUBTRACT = 0,
    parameter [BITS-1:0] CONSTANT = 0
);
    reg  [BITS-1:0] a, b;
    wire [BITS-1:0] y;
    wire [BITS-1:0] expected = SUBTRACT ? a - b + CONSTANT : a + b + CONSTANT;
    integer         n;

    ganglion_add #(.BITS(BITS), .SUBTRACT(SUBTRACT), .CONSTANT(CONSTANT)) adder (.a(a), .b(b), .y(y));

    initial for (n = 0; n < 200; n = n + 1) begin
        a = $random;
        b = $random;
        #1 if (y !== expected) begin
            $display("BITS %0d SUBTRACT %0d CONSTANT %b: %b, %b give %b", BITS, SUBTRACT, CONSTANT, a, b, y);
            $finish;
        end
    end
endmodule

module adders;
    genvar k;
    generate
        for (k = 0; k < 32; k = k + 1) begin : constants
            adder_check #(.BITS(5), .SUBTRACT(0), .CONSTANT(k)) sums ();
            adder_check #(.BITS(5), .SUBTRACT(1), .CONSTANT(k)) differences ();
        end
        for (k = 0; k < 8; k = k + 1) begin : widths
            adder_check #(.BITS(1 + k % 4), .SUBTRACT(k / 4), .CONSTANT(k)) narrow ();
            adder_check #(.BITS(14), .SUBTRACT(k % 2), .CONSTANT(k * 2503)) wide ();
        end
    endgenerate
    initial #1000 $display("all equal");
endmodule

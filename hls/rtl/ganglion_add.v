// a + b + CONSTANT, or a - b + CONSTANT, modulo 2^BITS. ecp5/ganglion_add.v is the same in carry cells.
module ganglion_add #(
    parameter            BITS     = 8,
    parameter            SUBTRACT = 0,
    parameter [BITS-1:0] CONSTANT = 0
) (
    input  wire [BITS-1:0] a,
    input  wire [BITS-1:0] b,
    output wire [BITS-1:0] y
);
    generate
        if (SUBTRACT) begin : difference
            assign y = a - b + CONSTANT;
        end else begin : total
            assign y = a + b + CONSTANT;
        end
    endgenerate
endmodule

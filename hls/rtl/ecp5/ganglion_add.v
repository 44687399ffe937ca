// a + b + CONSTANT, or a - b + CONSTANT, modulo 2^BITS, in one carry chain of BITS + 1 look-up tables.
//
// The constant costs no second chain: a, b and the constant are first reduced to a sum s[i] and a carry k[i+1] for
// each bit, and the chain adds s and k. Both are functions of the bits i and i-1 of a and b alone, so that one
// four-input table per bit holds the whole. A carry cell generates by a function of its inputs A and B, which is its
// table at C = D = 0; where that does not agree with s[i] (only after a one of the constant, in a subtraction), k[i]
// takes a table of its own.
//
// No chain needs a carry in: its first cell has a table of zeros and generates whatever CIN is (Lattice FPGA-TN-02206,
// "CCU2C"). It is bit 0 itself where BITS is even, and a constant where BITS is odd.
module ganglion_add #(
    parameter            BITS     = 8,
    parameter            SUBTRACT = 0,
    parameter [BITS-1:0] CONSTANT = 0
) (
    input  wire [BITS-1:0] a,
    input  wire [BITS-1:0] b,
    output wire [BITS-1:0] y
);
    localparam LEAD  = BITS % 2;
    localparam CELLS = (BITS + LEAD) / 2;
    localparam PLAIN = CONSTANT == 0;

    // Tables of bit i, as a function of A = a[i], B = b[i], C = a[i-1], D = b[i-1]; or with C = k[i], D = 1.
    function [15:0] table_of;
        input integer i;
        integer       n;
        reg           x, y, u, v, ki, kp, s, k;
        begin
            ki = CONSTANT[i];
            kp = i > 0 ? CONSTANT[i > 0 ? i - 1 : 0] : 1'b0;
            for (n = 0; n < 16; n = n + 1) begin
                x = n[0];
                y = n[1] ^ (SUBTRACT != 0);
                u = n[2];
                v = n[3] ^ (SUBTRACT != 0);
                s = x ^ y ^ ki;
                k = (u & v) | (kp & (u | v));
                if (PLAIN) table_of[n] = n[3] ? x ^ y : x;
                else if (i == 0) table_of[n] = n[3] & s;
                else if (SUBTRACT != 0 && kp && !ki) table_of[n] = n[3] ? s ^ n[2] : s;
                else table_of[n] = s ^ k;
            end
            if (!PLAIN && SUBTRACT != 0 && kp && ki) table_of = swapped(table_of);
        end
    endfunction

    // The same table with A and C, and B and D, exchanged.
    function [15:0] swapped;
        input [15:0] original;
        integer      n;
        for (n = 0; n < 16; n = n + 1) swapped[n] = original[{n[1:0], n[3:2]}];
    endfunction

    // What bit 0 generates as a function of A and B; with `lead`, what goes into the chain.
    function [15:0] first_table;
        input lead;
        integer n;
        reg     x, y;
        begin
            first_table = 16'h0000;
            for (n = 0; n < 4; n = n + 1) begin
                x = n[0];
                y = n[1] ^ (SUBTRACT != 0);
                if (lead) first_table[n] = SUBTRACT != 0;
                else if (PLAIN) first_table[n] = SUBTRACT != 0 ? x | y : x & y;
                else first_table[n] = (SUBTRACT != 0) & (x ^ y ^ CONSTANT[0]);
            end
        end
    endfunction

    wire [CELLS:0]     carry;
    wire [2*CELLS-1:0] in_a, in_b, in_c, in_d, out;
    genvar             i;

    generate
        if (BITS == 1) begin : single
            assign y = a ^ b ^ CONSTANT;
        end else begin : chain
            for (i = 0; i < BITS; i = i + 1) begin : position
                localparam OWN  = !PLAIN && i > 0 && SUBTRACT != 0 && CONSTANT[i > 0 ? i - 1 : 0] && !CONSTANT[i];
                localparam SWAP = !PLAIN && i > 0 && SUBTRACT != 0 && CONSTANT[i > 0 ? i - 1 : 0] && CONSTANT[i];
                localparam FREE = PLAIN || i == 0 || OWN;
                wire       own = a[i > 0 ? i - 1 : 0] | ~b[i > 0 ? i - 1 : 0];
                wire       c = FREE ? (OWN ? own : 1'b0) : a[i > 0 ? i - 1 : 0];
                wire       d = FREE ? 1'b1 : b[i > 0 ? i - 1 : 0];

                assign in_a[i+LEAD] = SWAP ? c : a[i];
                assign in_b[i+LEAD] = SWAP ? d : b[i];
                assign in_c[i+LEAD] = SWAP ? a[i] : c;
                assign in_d[i+LEAD] = SWAP ? b[i] : d;
                if (i > 0 || LEAD) begin : chained
                    assign y[i] = out[i+LEAD];
                end else begin : separate
                    assign y[i] = a[0] ^ b[0] ^ CONSTANT[0];
                end
            end
            if (LEAD) begin : constant
                assign in_a[0] = 1'b0;
                assign in_b[0] = 1'b0;
                assign in_c[0] = 1'b0;
                assign in_d[0] = 1'b1;
            end
            for (i = 0; i < CELLS; i = i + 1) begin : cells
                CCU2C #(
                    .INIT0(i == 0 ? first_table(LEAD) : table_of(2 * i - LEAD)), .INIT1(table_of(2 * i + 1 - LEAD)),
                    .INJECT1_0("NO"), .INJECT1_1("NO")
                ) pair (
                    .CIN(i == 0 ? 1'b0 : carry[i]), .COUT(carry[i+1]),
                    .A0(in_a[2*i]), .B0(in_b[2*i]), .C0(in_c[2*i]), .D0(i == 0 ? 1'b1 : in_d[2*i]), .S0(out[2*i]),
                    .A1(in_a[2*i+1]), .B1(in_b[2*i+1]), .C1(in_c[2*i+1]), .D1(in_d[2*i+1]), .S1(out[2*i+1])
                );
            end
        end
    endgenerate
endmodule

// The carry cell of ECP5 as Lattice FPGA-TN-02206 describes it: each half has a four-input table; where that gives 0,
// the table at C = D = 0 decides on the carry, else the carry in goes on.
module CCU2C #(
    parameter [15:0] INIT0     = 16'h0000,
    parameter [15:0] INIT1     = 16'h0000,
    parameter        INJECT1_0 = "NO",
    parameter        INJECT1_1 = "NO"
) (
    input  wire CIN,
    input  wire A0, B0, C0, D0,
    input  wire A1, B1, C1, D1,
    output wire S0, S1, COUT
);
    wire propagate0 = INIT0[{D0, C0, B0, A0}];
    wire propagate1 = INIT1[{D1, C1, B1, A1}];
    wire between = (~propagate0 & INIT0[{2'b00, B0, A0}]) | (propagate0 & CIN);

    assign S0 = propagate0 ^ CIN;
    assign S1 = propagate1 ^ between;
    assign COUT = (~propagate1 & INIT1[{2'b00, B1, A1}]) | (propagate1 & between);
endmodule

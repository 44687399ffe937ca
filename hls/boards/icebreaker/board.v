// iCEBreaker: 12 MHz crystal and PLL (clocks.toml; 39 MHz unless told otherwise); serial port of the USB bridge.
module ganglion_board #(
    parameter       DIVISOR = 42,
    parameter [6:0] DIVF    = 51,
    parameter [2:0] DIVQ    = 4
) (
    input  wire clk_12mhz,
    input  wire rx,
    output wire tx
);
    wire clk;

    SB_PLL40_PAD #(
        .FEEDBACK_PATH("SIMPLE"), .DIVR(4'd0), .DIVF(DIVF), .DIVQ(DIVQ), .FILTER_RANGE(3'd1)
    ) pll (.PACKAGEPIN(clk_12mhz), .PLLOUTGLOBAL(clk), .RESETB(1'b1), .BYPASS(1'b0));

    ganglion_top #(.DIVISOR(DIVISOR)) top (.clk(clk), .rx(rx), .tx(tx));
endmodule

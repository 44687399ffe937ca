// ULX3S: 25 MHz crystal and PLL (clocks.toml; 60 MHz unless told otherwise); serial port of the USB bridge.
module ganglion_board #(
    parameter DIVISOR      = 65,
    parameter CLKI_DIV     = 5,
    parameter CLKFB_DIV    = 12,
    parameter CLKOP_DIV    = 10,
    parameter CLKOP_CPHASE = 4
) (
    input  wire clk_25mhz,
    input  wire rx,
    output wire tx
);
    wire clk;

    (* ICP_CURRENT = "12" *) (* LPF_RESISTOR = "8" *) (* MFG_ENABLE_FILTEROPAMP = "1" *) (* MFG_GMCREF_SEL = "2" *)
    EHXPLLL #(
        .CLKI_DIV(CLKI_DIV), .CLKFB_DIV(CLKFB_DIV), .CLKOP_ENABLE("ENABLED"), .CLKOP_DIV(CLKOP_DIV),
        .CLKOP_CPHASE(CLKOP_CPHASE), .CLKOP_FPHASE(0), .FEEDBK_PATH("CLKOP"), .OUTDIVIDER_MUXA("DIVA"),
        .PLLRST_ENA("DISABLED"), .STDBY_ENABLE("DISABLED"), .DPHASE_SOURCE("DISABLED")
    ) pll (
        .CLKI(clk_25mhz), .CLKFB(clk), .CLKOP(clk), .RST(1'b0), .STDBY(1'b0), .ENCLKOP(1'b0), .PLLWAKESYNC(1'b0),
        .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b1), .PHASESTEP(1'b1), .PHASELOADREG(1'b1)
    );

    ganglion_top #(.DIVISOR(DIVISOR)) top (.clk(clk), .rx(rx), .tx(tx));
endmodule

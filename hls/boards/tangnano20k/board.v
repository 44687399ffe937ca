// Tang Nano 20K: 27 MHz crystal used as it is; serial port of the USB bridge.
module ganglion_board #(
    parameter DIVISOR = 29
) (
    input  wire clk_27mhz,
    input  wire rx,
    output wire tx
);
    ganglion_top #(.DIVISOR(DIVISOR)) top (.clk(clk_27mhz), .rx(rx), .tx(tx));
endmodule

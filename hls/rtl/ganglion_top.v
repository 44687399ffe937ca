// What is loaded into a board: serial port, link, actor, and a reset of 256 clocks after the start.
module ganglion_top #(
    parameter DIVISOR = 104
) (
    input  wire clk,
    input  wire rx,
    output wire tx
);
    reg  [8:0] started;
    wire       reset = ~started[8];

    initial started = 9'd0;
    always @(posedge clk) if (reset) started <= started + 9'd1;

    wire       rx_valid, tx_valid, tx_ready;
    wire [7:0] rx_byte, tx_byte;

    ganglion_uart #(.DIVISOR(DIVISOR)) uart (
        .clk(clk), .reset(reset), .rx(rx), .tx(tx), .rx_valid(rx_valid), .rx_byte(rx_byte),
        .tx_valid(tx_valid), .tx_byte(tx_byte), .tx_ready(tx_ready)
    );

    ganglion_device device (
        .clk(clk), .reset(reset), .rx_valid(rx_valid), .rx_byte(rx_byte),
        .tx_valid(tx_valid), .tx_byte(tx_byte), .tx_ready(tx_ready)
    );
endmodule

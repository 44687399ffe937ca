// Synchronous read-only memory: the word at `address`, one clock later. Maps onto block RAM.
module ganglion_rom #(
    parameter WIDTH = 8,
    parameter DEPTH = 256,
    parameter ADDRESS_BITS = 8,
    parameter IMAGE = "image.hex"
) (
    input  wire                    clk,
    input  wire [ADDRESS_BITS-1:0] address,
    output reg  [WIDTH-1:0]        word
);
    (* rom_style = "block", ram_style = "block" *)
    reg [WIDTH-1:0] memory [0:DEPTH-1];

    initial $readmemh(IMAGE, memory);

    always @(posedge clk) word <= memory[address];
endmodule

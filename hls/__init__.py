"""What runs on the FPGA and how it gets there: RTL, hls4ml projects, synthesis, boards."""

"""What runs on the FPGA and how it gets there: Verilog, simulation, synthesis, boards."""

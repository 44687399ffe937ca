"""hls4ml projects: written from the policy, simulated by their own C++, synthesised where the vendor's tool is."""

// Signed saturation from FROM to TO bits.
module ganglion_saturate #(
    parameter FROM = 24,
    parameter TO   = 8
) (
    input  wire signed [FROM-1:0] value,
    output wire signed [TO-1:0]   result
);
    wire sign = value[FROM-1];
    wire fits = &value[FROM-1:TO-1] | ~|value[FROM-1:TO-1];

    assign result = fits ? value[TO-1:0] : {sign, {(TO - 1){~sign}}};
endmodule

"""The compiler: policy, arithmetic, reference interpreter, passes, packers, emitters, cost."""

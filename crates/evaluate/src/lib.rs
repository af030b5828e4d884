//! How good a result is: metrics, suites of clips with known truth, tables and sheets. No quality figure stands without its
//! trivial rivals: the source unchanged, the dumbest method, the version before, the truth itself.

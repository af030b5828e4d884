//! The clean plate: what the driving person hides, taken from frames that show it, inpainted elsewhere.

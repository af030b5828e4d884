//! Computes trigonometric functions and powers that give the same bits in every build and on every machine. The
//! standard library's functions call the system's math library or are evaluated by the compiler, so their last digit
//! can differ. `clippy.toml` forbids them.

/// Functions that give the same bits everywhere. Their names are not those of the standard library, whose methods would be called
/// instead of these.
pub(crate) trait Exact: Copy {
    /// Sine of an angle in radians.
    fn sine(self) -> Self;
    /// Cosine of an angle in radians.
    fn cosine(self) -> Self;
    /// Tangent of an angle in radians.
    fn tangent(self) -> Self;
    /// Angle, in radians, of the direction with this sine and cosine, of any length.
    fn angle_with(self, cosine: Self) -> Self;
    /// Length of the hypotenuse of a right triangle.
    fn across(self, other: Self) -> Self;
    /// A power of a non-negative number.
    fn power(self, exponent: Self) -> Self;
    /// A power of Euler's number.
    fn exponential(self) -> Self;

    /// Sine and cosine together.
    fn sine_cosine(self) -> (Self, Self) {
        (self.sine(), self.cosine())
    }
}

impl Exact for f32 {
    fn sine(self) -> Self {
        libm::sinf(self)
    }

    fn cosine(self) -> Self {
        libm::cosf(self)
    }

    fn tangent(self) -> Self {
        libm::tanf(self)
    }

    fn angle_with(self, cosine: Self) -> Self {
        libm::atan2f(self, cosine)
    }

    fn across(self, other: Self) -> Self {
        (self * self + other * other).sqrt()
    }

    fn power(self, exponent: Self) -> Self {
        libm::powf(self, exponent)
    }

    fn exponential(self) -> Self {
        libm::expf(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_do_not_change() {
        // These values were computed once and hold on every machine.
        let found = [
            1.0f32.sine(),
            1.0f32.cosine(),
            1.0f32.tangent(),
            0.3f32.angle_with(-0.4),
            0.3f32.across(0.4),
            0.3f32.power(2.4),
            (-0.35f32).exponential(),
        ];
        let expected =
            [1_062_693_540, 1_057_640_768, 1_070_029_091, 1_075_830_972, 1_056_964_608, 1_029_947_136, 1_060_398_704];
        assert_eq!(found.map(f32::to_bits), expected, "{found:?}");
    }
}

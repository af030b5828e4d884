//! Angles and powers that are the same in every build and on every machine. The standard library's go to the system's
//! mathematics, or are worked out by the compiler, and may differ in the last digit; `clippy.toml` keeps them out.

/// Functions of one number, to the same bits everywhere.
pub(crate) trait Exact: Copy {
    /// Sine of an angle in radians.
    fn sine(self) -> Self;
    /// Cosine of an angle in radians.
    fn cosine(self) -> Self;
    /// Tangent of an angle in radians.
    fn tangent(self) -> Self;
    /// Angle, in radians, of the direction with this sine and that cosine, of any length.
    fn angle_with(self, cosine: Self) -> Self;
    /// Length of the longest side of a triangle with a right angle.
    fn across(self, other: Self) -> Self;
    /// A power of a number that is not negative.
    fn power(self, exponent: Self) -> Self;
    /// A power of Euler's number.
    fn exponential(self) -> Self;

    /// Both at once.
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
        // Taken once; they hold on every machine.
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

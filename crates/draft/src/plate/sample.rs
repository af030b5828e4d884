//! Interpolates colours between pixels.

use media::picture::Picture;

/// Catmull-Rom interpolation of the 4x4 pixels around a place, clamped to the range of the four nearest. It is exact at
/// pixel centres.
pub(super) fn cubic(picture: &Picture, x: f64, y: f64) -> [f32; 3] {
    let (width, height) = picture.size();
    let (left, top) = (x.floor(), y.floor());
    let (along, down) = ((x - left) as f32, (y - top) as f32);
    let (left, top) = (left as isize, top as isize);
    let column = |offset: isize| (left + offset).clamp(0, width as isize - 1) as usize;
    let row = |offset: isize| (top + offset).clamp(0, height as isize - 1) as usize;
    let cells = picture.cells();
    if along == 0.0 && down == 0.0 {
        return cells[row(0) * width + column(0)].map(f32::from);
    }
    let (across, below) = (taps(along), taps(down));
    let columns = [column(-1), column(0), column(1), column(2)];
    let mut sum = [0.0; 3];
    let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for (line, weight) in below.into_iter().enumerate() {
        let start = row(line as isize - 1) * width;
        for (tap, share) in across.into_iter().enumerate() {
            let pixel = cells[start + columns[tap]].map(f32::from);
            let near = (1..3).contains(&line) && (1..3).contains(&tap);
            for channel in 0..3 {
                sum[channel] += weight * share * pixel[channel];
                if near {
                    low[channel] = low[channel].min(pixel[channel]);
                    high[channel] = high[channel].max(pixel[channel]);
                }
            }
        }
    }
    std::array::from_fn(|channel| sum[channel].clamp(low[channel] - 12.0, high[channel] + 12.0).clamp(0.0, 255.0))
}

fn taps(share: f32) -> [f32; 4] {
    let (one, two, three) = (share, share * share, share * share * share);
    [
        0.5 * (-one + 2.0 * two - three),
        0.5 * (2.0 - 5.0 * two + 3.0 * three),
        0.5 * (one + 4.0 * two - 3.0 * three),
        0.5 * (three - two),
    ]
}

/// Linear interpolation of the 2x2 pixels around a place.
pub(super) fn linear(picture: &Picture, x: f64, y: f64) -> [f32; 3] {
    let (width, height) = picture.size();
    let (left, top) = ((x.max(0.0) as usize).min(width - 1), (y.max(0.0) as usize).min(height - 1));
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (along, down) = ((x - left as f64).clamp(0.0, 1.0) as f32, (y - top as f64).clamp(0.0, 1.0) as f32);
    let cells = picture.cells();
    let pixel = |x: usize, y: usize| cells[y * width + x].map(f32::from);
    let (a, b, c, d) = (pixel(left, top), pixel(right, top), pixel(left, bottom), pixel(right, bottom));
    std::array::from_fn(|i| {
        let (high, low) = (a[i] + along * (b[i] - a[i]), c[i] + along * (d[i] - c[i]));
        high + down * (low - high)
    })
}

/// Rounds to the nearest 8-bit colour.
pub(super) fn rounded(colour: [f32; 3]) -> [u8; 3] {
    colour.map(|value| (value + 0.5).clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_exact_and_straight_ramps_stay_straight() {
        let ramp = Picture::from_fn(8, 6, |x, y| [(10 * x + 5 * y) as u8; 3]);
        assert_eq!(cubic(&ramp, 3.0, 2.0), [40.0; 3]);
        for (x, y) in [(2.5, 2.0), (3.25, 2.75), (4.0, 3.1)] {
            let expected = 10.0 * x as f32 + 5.0 * y as f32;
            assert!((cubic(&ramp, x, y)[0] - expected).abs() < 1e-3);
            assert!((linear(&ramp, x, y)[0] - expected).abs() < 1e-3);
        }
        assert_eq!(rounded([-3.0, 12.5, 300.0]), [0, 13, 255]);
    }
}

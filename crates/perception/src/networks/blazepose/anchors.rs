//! Computes the anchors: the fixed positions for which the person detector predicts boxes.

/// Strides of the detector's layers. Layers with the same stride share a grid.
const STRIDES: [usize; 5] = [8, 16, 32, 32, 32];
/// Answers for each cell and layer.
const PER_LAYER: usize = 2;
/// Side of the detector's input in pixels.
pub(crate) const DETECTOR_SIDE: usize = 224;

/// The centres of all anchors, in 0..1 of the input, in the order of the detector's rows.
pub fn anchor_centres() -> Vec<(f32, f32)> {
    let mut centres = Vec::new();
    for layers in STRIDES.chunk_by(|one, next| one == next) {
        let cells = DETECTOR_SIDE.div_ceil(layers[0]);
        for row in 0..cells {
            for column in 0..cells {
                let centre = ((column as f32 + 0.5) / cells as f32, (row as f32 + 0.5) / cells as f32);
                centres.extend(std::iter::repeat_n(centre, PER_LAYER * layers.len()));
            }
        }
    }
    centres
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_corners_by_hand() {
        let anchors = anchor_centres();
        assert_eq!(anchors.len(), 2 * 28 * 28 + 2 * 14 * 14 + 6 * 7 * 7);
        assert_eq!(anchors[0], (0.5 / 28.0, 0.5 / 28.0));
        assert_eq!(anchors[1], anchors[0]);
        assert_eq!(anchors[2], (1.5 / 28.0, 0.5 / 28.0));
        assert_eq!(anchors[2 * 28], (0.5 / 28.0, 1.5 / 28.0));
        assert_eq!(anchors[1568], (0.5 / 14.0, 0.5 / 14.0));
        assert_eq!(anchors[1568 + 392 + 5], (0.5 / 7.0, 0.5 / 7.0));
        assert_eq!(anchors[1568 + 392 + 6], (1.5 / 7.0, 0.5 / 7.0));
        assert_eq!(anchors[2253], (6.5 / 7.0, 6.5 / 7.0));
    }
}

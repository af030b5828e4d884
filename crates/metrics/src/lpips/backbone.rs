//! Implements the convolutions of the backbones, AlexNet and VGG16 as in torchvision, up to the last ReLU that LPIPS
//! uses.

/// Number of taps.
pub(super) const TAPS: usize = 5;

/// The classifier whose features are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backbone {
    /// AlexNet: fast, and closest to human judgement in the LPIPS paper.
    Alex,
    /// VGG16: used by papers of this field.
    Vgg,
}

/// One convolution, followed by a ReLU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layer {
    /// Its slice of the network, from 1. The last convolution of a slice is tapped.
    pub(super) slice: usize,
    /// Its index in torchvision's `features`.
    pub(super) place: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    /// Window side of the max pooling before it, with stride 2.
    pub(super) pool: Option<usize>,
}

const fn layer(slice: usize, place: usize, kernel: usize, pool: Option<usize>) -> Layer {
    Layer { slice, place, kernel, stride: 1, padding: kernel / 2, pool }
}

const ALEX: [Layer; 5] = [
    Layer { slice: 1, place: 0, kernel: 11, stride: 4, padding: 2, pool: None },
    layer(2, 3, 5, Some(3)),
    layer(3, 6, 3, Some(3)),
    layer(4, 8, 3, None),
    layer(5, 10, 3, None),
];

const VGG: [Layer; 13] = [
    layer(1, 0, 3, None),
    layer(1, 2, 3, None),
    layer(2, 5, 3, Some(2)),
    layer(2, 7, 3, None),
    layer(3, 10, 3, Some(2)),
    layer(3, 12, 3, None),
    layer(3, 14, 3, None),
    layer(4, 17, 3, Some(2)),
    layer(4, 19, 3, None),
    layer(4, 21, 3, None),
    layer(5, 24, 3, Some(2)),
    layer(5, 26, 3, None),
    layer(5, 28, 3, None),
];

impl Backbone {
    /// Both backbones.
    pub const ALL: [Self; 2] = [Self::Alex, Self::Vgg];

    /// The name of the backbone in the `lpips` package.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alex => "alex",
            Self::Vgg => "vgg",
        }
    }

    /// The smallest picture side whose features reach the last tap.
    pub fn least_side(self) -> usize {
        match self {
            Self::Alex => 31,
            Self::Vgg => 16,
        }
    }

    pub(super) fn layers(self) -> &'static [Layer] {
        match self {
            Self::Alex => &ALEX,
            Self::Vgg => &VGG,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of cells of the last tap for a picture side.
    fn last_side(backbone: Backbone, side: usize) -> Option<usize> {
        backbone.layers().iter().try_fold(side, |side, layer| {
            let side = match layer.pool {
                Some(pool) => side.checked_sub(pool)? / 2 + 1,
                None => side,
            };
            Some((side + 2 * layer.padding).checked_sub(layer.kernel)? / layer.stride + 1)
        })
    }

    #[test]
    fn the_least_side_is_the_least_one() {
        for backbone in Backbone::ALL {
            assert_eq!(last_side(backbone, backbone.least_side()), Some(1), "{backbone:?}");
            assert_eq!(last_side(backbone, backbone.least_side() - 1), None, "{backbone:?}");
            assert_eq!(backbone.layers().last().map(|layer| layer.slice), Some(TAPS));
        }
        // Published sizes for 224 pixels: 13 cells for AlexNet, 14 for VGG.
        assert_eq!([Backbone::Alex, Backbone::Vgg].map(|backbone| last_side(backbone, 224)), [Some(13), Some(14)]);
    }
}

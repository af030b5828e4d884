use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::*;

type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// One channel everywhere: each convolution copies the centre of its first input channel. The factors are 1, 2, 3, 4,
/// 5.
fn pass_through(backbone: Backbone, name: impl Fn(&Layer) -> String) -> Tensors {
    let mut tensors = Tensors::new();
    for (index, layer) in backbone.layers().iter().enumerate() {
        let (c_in, k) = (if index == 0 { 3 } else { 1 }, layer.kernel);
        let mut weight = vec![0.0; c_in * k * k];
        weight[(k / 2) * k + k / 2] = 1.0;
        tensors.insert(format!("{}.weight", name(layer)), (vec![1, c_in, k, k], weight));
        tensors.insert(format!("{}.bias", name(layer)), (vec![1], vec![0.0]));
    }
    for tap in 0..TAPS {
        tensors.insert(format!("lin{tap}.model.1.weight"), (vec![1, 1, 1, 1], vec![tap as f32 + 1.0]));
    }
    tensors
}

fn package_name(layer: &Layer) -> String {
    format!("net.slice{}.{}", layer.slice, layer.place)
}

fn opened(backbone: Backbone, tensors: &Tensors) -> Result<Lpips, MetricError> {
    let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (shape, values))| (name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views =
        bytes.iter().map(|(name, shape, bytes)| (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap()));
    let file = safetensors::serialize(views, None).unwrap();
    Lpips::from_weights(backbone, &Weights::from_bytes(&[&file], "test").unwrap())
}

#[test]
fn a_network_that_hands_red_on_sees_where_it_is_above_the_shift() {
    // Scaled to length 1, red above the shift has the feature 1, and red below it has 0.
    let light = Picture::filled(32, 32, [200, 0, 0]);
    let dark = Picture::filled(32, 32, [50, 255, 255]);
    for backbone in Backbone::ALL {
        let network = opened(backbone, &pass_through(backbone, package_name)).unwrap();
        let found = network.distance(&light, &dark);
        for (tap, part) in found.taps.into_iter().enumerate() {
            assert!((part - (tap as f64 + 1.0)).abs() < 1e-6, "{backbone:?}: {found:?}");
        }
        assert!((found.total() - 15.0).abs() < 1e-5);
        assert_eq!(network.distance(&dark, &dark).total(), 0.0);
        // Levels in [0, 1] are all above the shift of -0.03.
        assert!(network.distance_raw01(&light, &dark).total() < 1e-6);
    }
}

#[test]
fn half_of_the_cells_count_half() {
    let network = opened(Backbone::Vgg, &pass_through(Backbone::Vgg, package_name)).unwrap();
    let half = Picture::from_fn(32, 32, |x, _| if x < 16 { [200, 0, 0] } else { [50, 0, 0] });
    let found = network.distance(&half, &Picture::filled(32, 32, [50, 0, 0])).total();
    assert!((found - 7.5).abs() < 1e-5, "{found}");
}

#[test]
fn the_input_is_shifted_and_scaled() {
    let grey = Picture::filled(1, 1, [255, 0, 51]);
    let check = |range, expected: [f64; 3]| {
        let found: Vec<f64> = input(&grey, range).into_data().iter::<f64>().collect();
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{range:?}: {found:?}");
    };
    check(InputRange::Signed, [1.03 / 0.458, -0.912 / 0.448, (-0.6 + 0.188) / 0.45]);
    check(InputRange::Raw01, [1.03 / 0.458, 0.088 / 0.448, (0.2 + 0.188) / 0.45]);
}

#[test]
fn names_of_torchvision_are_read_and_others_are_refused() {
    let torchvision = |layer: &Layer| format!("features.{}", layer.place);
    for backbone in Backbone::ALL {
        let mut tensors = pass_through(backbone, torchvision);
        tensors.insert("classifier.6.bias".into(), (vec![2], vec![0.0; 2]));
        assert_eq!(opened(backbone, &tensors).unwrap().widths(), vec![1; backbone.layers().len()]);
    }
    let refused = |change: &dyn Fn(&mut Tensors)| {
        let mut tensors = pass_through(Backbone::Alex, package_name);
        change(&mut tensors);
        opened(Backbone::Alex, &tensors).unwrap_err().to_string()
    };
    let missing = refused(&|tensors| drop(tensors.remove("lin3.model.1.weight")));
    assert!(missing.contains("lin3.model.1.weight"), "{missing}");
    let extra = refused(&|tensors| drop(tensors.insert("net.slice6.12.bias".into(), (vec![1], vec![0.0]))));
    assert!(extra.contains("net.slice6.12.bias"), "{extra}");
    let shape =
        refused(&|tensors| drop(tensors.insert("lin0.model.1.weight".into(), (vec![1, 2, 1, 1], vec![0.0; 2]))));
    assert!(shape.contains("[1, 2, 1, 1], expected [1, 1, 1, 1]"), "{shape}");
}

#[test]
#[should_panic(expected = "lpips: picture of 40x30, sides must be at least 31")]
fn a_picture_too_small_is_a_bug() {
    let network = opened(Backbone::Alex, &pass_through(Backbone::Alex, package_name)).unwrap();
    network.features(&Picture::filled(40, 30, [0; 3]), InputRange::Signed);
}

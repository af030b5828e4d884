use super::*;
use crate::networks::tflite::sample::sample;

#[test]
fn a_small_network_by_hand() {
    let network = Network::from_bytes(Path::new("sample"), &sample(), 1).unwrap();
    // Two planes of four pixels; relu6([[0, 3], [2, 0]] x + [1, -1]).
    let [found] = network.run(&[0.0, 1.0, 2.0, 3.0, 0.0, -1.0, 1.0, 4.0], [0]).unwrap();
    assert_eq!(found, [1.0, 0.0, 4.0, 6.0, 0.0, 1.0, 3.0, 5.0]);
}

#[test]
fn no_changed_byte_causes_a_panic() {
    let file = sample();
    for at in 0..file.len() {
        for value in [0, 1, 3, 0x7f, 0xff] {
            let mut changed = file.clone();
            changed[at] = value;
            if let Ok(network) = Network::from_bytes(Path::new("sample"), &changed, 1) {
                let values = vec![0.5; network.input_shape().iter().product()];
                let _ = network.run(&values, [0]);
            }
        }
    }
}

#[test]
fn another_network_is_told_apart() {
    let network = Network::from_bytes(Path::new("a.tflite"), &sample(), 1).unwrap();
    let error = network.expect("hand landmark", &[1, 3, 224, 224], &[&[1, 63]]).err().unwrap();
    assert_eq!(error.code(), "model.mismatched");
    assert_eq!(
        error.to_string(),
        "the model is not a hand landmark network: found `[1, 2, 2, 2] -> [[1, 2, 2, 2]]`, expected \
         `[1, 3, 224, 224] -> [[1, 63]]`: `a.tflite`"
    );
    let missing = Network::open(Path::new("no/such.tflite"), 1).err().unwrap();
    assert_eq!(missing.code(), "model.unreadable");
}

/// If the real files are available, damages them in many places and expects errors.
#[test]
#[expect(clippy::print_stderr, reason = "says that it ran fewer cases")]
fn damaged_real_files_are_malformed() {
    let Some(shared) = std::env::var_os("STUNTDOUBLE_SHARED") else {
        eprintln!("ran 0 real files: STUNTDOUBLE_SHARED is not set");
        return;
    };
    let path = Path::new(&shared).join("data/weights/selfie_segmentation.tflite");
    let file = std::fs::read(&path).unwrap();
    Network::from_bytes(&path, &file, 1).unwrap();
    let lengths = (0..60).chain((0..60).map(|index| index * file.len() / 60)).chain(file.len() - 12..file.len());
    for length in lengths {
        let error = Network::from_bytes(&path, &file[..length], 1).err();
        assert_eq!(error.map(|error| error.code()), Some("model.malformed"), "{length} bytes");
    }
    for index in 0..40 {
        let mut changed = file.clone();
        changed[index * 7919 % file.len()] ^= 0x55;
        let _ = Network::from_bytes(&path, &changed, 1);
    }
}

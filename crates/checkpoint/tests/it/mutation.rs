//! Tests that reading arbitrary bytes yields either tensors inside the file or an error.

use std::io::Cursor;

use proptest::prelude::*;
use stuntdouble_checkpoint::Checkpoint;

use crate::crafted::{entry, legacy_file, zip_file};
use crate::fixture;

fn ends_well(bytes: &[u8]) {
    if let Ok(checkpoint) = Checkpoint::read(Cursor::new(bytes)) {
        for tensor in checkpoint.tensors {
            let values = &bytes[tensor.bytes.start as usize..tensor.bytes.end as usize];
            let count: usize = tensor.shape.iter().product();
            assert_eq!(tensor.in_order(values).len(), count * tensor.element.size());
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        ends_well(&bytes);
        ends_well(&[b"PK\x03\x04".as_slice(), &bytes].concat());
        ends_well(&legacy_file(&bytes));
        ends_well(&zip_file(&entry(&bytes), &[0; 16]));
    }

    #[test]
    fn changed_files_never_panic(
        name in proptest::sample::select(vec![
            "layouts.pth", "layouts_legacy.pth", "elements.pth", "elements_legacy.pth", "module.pth", "module_legacy.pth",
        ]),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = fixture(name);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        ends_well(&bytes);
    }

    #[test]
    fn changed_pickles_never_panic(changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4)) {
        let mut pickle = entry(&crate::crafted::tensor(0, &[2, 2], &[2, 1]));
        for (place, value) in changes {
            let place = place.index(pickle.len());
            pickle[place] = value;
        }
        ends_well(&zip_file(&pickle, &[0; 16]));
        ends_well(&legacy_file(&pickle));
    }
}

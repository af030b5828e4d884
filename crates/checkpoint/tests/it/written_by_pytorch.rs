//! Tests files written by PyTorch. The expected values are those that the fixture script wrote.

use std::io::Cursor;

use stuntdouble_checkpoint::{Checkpoint, ElementType, StoredTensor};

use crate::fixture;

fn read(file: &str) -> (Vec<u8>, Checkpoint) {
    let bytes = fixture(file);
    let checkpoint = Checkpoint::read(Cursor::new(&bytes)).unwrap();
    (bytes, checkpoint)
}

fn raw(file: &[u8], tensor: &StoredTensor) -> Vec<u8> {
    tensor.in_order(&file[tensor.bytes.start as usize..tensor.bytes.end as usize])
}

fn floats(file: &[u8], tensor: &StoredTensor) -> Vec<f32> {
    assert_eq!(tensor.element, ElementType::F32, "{}", tensor.name);
    raw(file, tensor).as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

#[test]
fn views_of_a_storage_have_the_values_that_they_show() {
    for file in ["layouts.pth", "layouts_legacy.pth"] {
        let (bytes, checkpoint) = read(file);
        let check = |name: &str, shape: &[usize], contiguous: bool, expected: &[f32]| {
            let tensor = checkpoint.tensors.iter().find(|tensor| tensor.name == name).unwrap();
            assert_eq!((&tensor.shape[..], tensor.is_contiguous()), (shape, contiguous), "{file} {name}");
            assert_eq!(floats(&bytes, tensor), expected, "{file} {name}");
        };
        let upto = |end: u8| (0..end).map(f32::from).collect::<Vec<_>>();
        check("plain", &[3, 4], true, &upto(12));
        check("shared", &[3, 4], true, &upto(12));
        check("transposed", &[4, 3], false, &[0., 4., 8., 1., 5., 9., 2., 6., 10., 3., 7., 11.]);
        check("columns", &[3, 2], false, &[1., 2., 5., 6., 9., 10.]);
        check("last_row", &[4], true, &[8., 9., 10., 11.]);
        check("channels_last", &[1, 4, 2, 2], false, &upto(16));
        check("scalar", &[], true, &[2.5]);
        check("empty", &[0, 3], true, &[]);
        check("parameter", &[2], true, &[1., 2.]);
        assert_eq!(checkpoint.tensors.len(), 9);
        let place = |name: &str| checkpoint.tensors.iter().find(|tensor| tensor.name == name).unwrap().bytes.clone();
        assert_eq!(place("last_row").start, place("shared").start + 32, "they share a storage");
    }
}

#[test]
fn every_number_format_is_described() {
    for file in ["elements.pth", "elements_legacy.pth"] {
        let (bytes, checkpoint) = read(file);
        let found: Vec<_> = checkpoint
            .tensors
            .iter()
            .map(|tensor| (tensor.name.as_str(), tensor.element, raw(&bytes, tensor)))
            .collect();
        let one_zero_one = |one: &[u8]| [one, &vec![0; one.len()], one].concat();
        let expected = [
            ("float64", ElementType::F64, one_zero_one(&1.0_f64.to_le_bytes())),
            ("float32", ElementType::F32, one_zero_one(&1.0_f32.to_le_bytes())),
            ("float16", ElementType::F16, one_zero_one(&[0, 0x3c])),
            ("bfloat16", ElementType::Bf16, one_zero_one(&[0x80, 0x3f])),
            ("int64", ElementType::I64, one_zero_one(&1_i64.to_le_bytes())),
            ("int32", ElementType::I32, one_zero_one(&1_i32.to_le_bytes())),
            ("int16", ElementType::I16, one_zero_one(&1_i16.to_le_bytes())),
            ("int8", ElementType::I8, vec![1, 0, 1]),
            ("uint8", ElementType::U8, vec![1, 0, 1]),
            ("bool", ElementType::Bool, vec![1, 0, 1]),
        ];
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn a_modules_dictionary_is_read_with_its_versions_left_out() {
    for file in ["module.pth", "module_legacy.pth"] {
        let (bytes, checkpoint) = read(file);
        let names: Vec<_> = checkpoint.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["weight", "bias"], "{file}");
        assert_eq!(floats(&bytes, &checkpoint.tensors[0]), [0., 1., 2., 3., 4., 5.], "{file}");
        assert_eq!(floats(&bytes, &checkpoint.tensors[1]), [6., 7.], "{file}");
        assert!(checkpoint.other_entries.is_empty());
    }
}

#[test]
fn tensors_beside_a_trainings_records_are_found_under_state_dict() {
    for file in ["wrapped.pth", "wrapped_legacy.pth"] {
        let names: Vec<_> = read(file).1.tensors.into_iter().map(|tensor| tensor.name).collect();
        assert_eq!(names, ["module.weight", "module.bias"], "{file}");
    }
}

#[test]
fn other_contents_are_refused_by_name() {
    let check = |file: &str, code: &str, named: &str| {
        let error = Checkpoint::read(Cursor::new(fixture(file))).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(named), "{error}");
    };
    check("training.pth", "checkpoint.unknown_form", "`model` is a dictionary");
    check("lone_tensor.pth", "checkpoint.unknown_form", "a tensor, not a dictionary");
    check("unknown_kind.pth", "checkpoint.refused", "`torch.ComplexFloatStorage` (tensor `odd`)");
    check("unknown_kind_legacy.pth", "checkpoint.refused", "`torch.ComplexFloatStorage` (tensor `odd`)");
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_an_error() {
    for file in ["layouts.pth", "layouts_legacy.pth"] {
        let bytes = fixture(file);
        for length in 0..bytes.len() {
            assert!(Checkpoint::read(Cursor::new(&bytes[..length])).is_err(), "{file} with {length} bytes");
        }
    }
}

//! Tests files of packed weights: mapping a file returns the values that were written, and any other file is rejected.

use std::fs::File;
use std::io::Write;

use proptest::prelude::*;
use stuntdouble_kernels::{Cpu, Epilogue, Form, Geometry, Isa, Pack, PackFileError, bf16, matmul};

use crate::reference::{Number, Random, each_cpu};

const LABEL: [u8; 32] = *b"what, for what, and on which cpu";
/// Bytes of a header.
const HEADER: usize = 64;

fn forms() -> [Form; 7] {
    [
        Form::Linear,
        Form::Geglu,
        Form::Convolution(Geometry::same(1, 1)),
        Form::Convolution(Geometry { kernel: 3, stride: 2, before: 0, after: 1 }),
        Form::WinogradConvolution { before: 1, after: 1 },
        Form::Upsample,
        Form::WinogradUpsample,
    ]
}

fn packed<T: Number>(cpu: Cpu, sizes: [usize; 2], form: Form) -> Pack<T> {
    let taps = match form {
        Form::Linear | Form::Geglu => 1,
        Form::Convolution(geometry) => geometry.kernel * geometry.kernel,
        Form::WinogradConvolution { .. } | Form::Upsample | Form::WinogradUpsample => 9,
    };
    Pack::new(cpu, &Random(5).many::<T>(sizes[0] * sizes[1] * taps), sizes, form)
}

fn written<T: Number>(pack: &Pack<T>) -> Vec<u8> {
    let mut bytes = vec![];
    pack.write(LABEL, &mut bytes).expect("memory");
    bytes
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("room");
    file
}

fn round_trip<T: Number>(cpu: Cpu, sizes: [usize; 2], form: Form) {
    let bytes = written::<T>(&packed(cpu, sizes, form));
    for is_known in [false, true] {
        let mapped = Pack::<T>::map(cpu, &file_of(&bytes), LABEL, sizes, form, is_known).expect("what was written");
        assert!(written(&mapped) == bytes, "{cpu:?}, {form:?}, {sizes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_mapped_pack_is_the_written_one(outputs in 0_usize..70, inputs in 0_usize..40, form in 0_usize..7) {
        let (sizes, form) = ([2 * outputs, inputs], forms()[form]);
        each_cpu(|cpu| {
            round_trip::<f32>(cpu, sizes, form);
            round_trip::<bf16>(cpu, sizes, form);
        });
    }
}

#[test]
fn a_product_with_a_mapped_pack_has_the_same_bits() {
    each_cpu(|cpu| {
        let (rows, sizes) = (9, [50, 33]);
        let own = packed::<f32>(cpu, sizes, Form::Linear);
        let mapped = Pack::<f32>::map(cpu, &file_of(&written(&own)), LABEL, sizes, Form::Linear, false).unwrap();
        let input = Random(6).many::<f32>(rows * sizes[1]);
        let [own, mapped] = [own, mapped].map(|pack| {
            let Pack::Matrix(matrix) = pack else { unreachable!("a linear layer's weight is a matrix") };
            let mut result = vec![0.0; rows * sizes[0]];
            matmul(&input, rows, sizes[1], &matrix, &Epilogue::default(), &mut result);
            result
        });
        assert_eq!(own, mapped);
    });
}

#[test]
fn damaged_files_are_refused() {
    let (cpu, sizes, form) = (Cpu::detect(), [20, 10], Form::Linear);
    let good = written::<f32>(&packed(cpu, sizes, form));
    let open = |bytes: &[u8], is_known| Pack::<f32>::map(cpu, &file_of(bytes), LABEL, sizes, form, is_known).err();
    assert!(open(&good, false).is_none());
    for length in 0..good.len() {
        assert!(open(&good[..length], true).is_some(), "{length} bytes");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 4;
        let error = open(&bad, false);
        assert!(matches!(error, Some(PackFileError::Damaged | PackFileError::Other)), "byte {at}: {error:?}");
        assert_eq!(open(&bad, true).is_none(), at >= HEADER - 8, "byte {at} of a known pack");
    }
}

#[test]
fn other_packs_are_refused() {
    let (cpu, sizes) = (Cpu::detect(), [20, 10]);
    let linear = written::<f32>(&packed(cpu, sizes, Form::Linear));
    let open =
        |bytes: &[u8], label, sizes, form| Pack::<f32>::map(cpu, &file_of(bytes), label, sizes, form, false).err();
    let is_other = |error| matches!(error, Some(PackFileError::Other));
    assert!(is_other(open(&linear, [0; 32], sizes, Form::Linear)), "another label");
    assert!(is_other(open(&linear, LABEL, [200, 10], Form::Linear)), "more numbers");
    assert!(is_other(open(&linear, LABEL, [0, 0], Form::Linear)), "fewer numbers");
    assert!(is_other(open(&linear, LABEL, sizes, Form::WinogradUpsample)), "another form");
    let mut layout = linear;
    layout[8] ^= 1;
    assert!(is_other(open(&layout, LABEL, sizes, Form::Linear)), "another layout");
}

/// If this test fails, the order of elements in packed weights has changed. Increment `pack_file::LAYOUT`, so that old
/// files are not mistaken for new ones, and update the checksums here.
#[test]
fn the_layout_is_the_one_that_its_number_says() {
    let sums = |cpu| {
        let of_form = |form| {
            [written::<f32>(&packed(cpu, [70, 37], form)), written::<bf16>(&packed(cpu, [70, 37], form))]
                .map(|bytes| crc32fast::hash(&bytes))
        };
        // More channels than fit one chunk of the summed axis.
        let cut = Form::Convolution(Geometry::same(3, 1));
        let cut = [written::<f32>(&packed(cpu, [20, 1100], cut)), written::<bf16>(&packed(cpu, [20, 1100], cut))];
        (forms().map(of_form), cut.map(|bytes| crc32fast::hash(&bytes)))
    };
    // By number of SIMD lanes.
    let eight = (
        [
            [1983410504, 1304165075],
            [2276856111, 391804128],
            [1983410504, 1304165075],
            [1995676809, 1797266497],
            [3656620874, 3056795205],
            [213697697, 2545446155],
            [3656620874, 3056795205],
        ],
        [3864652571, 1423274332],
    );
    let sixteen = (
        [
            [432899266, 3092335708],
            [2846756304, 358195691],
            [432899266, 3092335708],
            [781708481, 4215578998],
            [3070107416, 4199357169],
            [2484145754, 2911111076],
            [3070107416, 4199357169],
        ],
        [3283464719, 13771602],
    );
    each_cpu(|cpu| match cpu.isa() {
        Isa::Portable | Isa::Avx2Fma => assert_eq!(sums(cpu), eight, "{cpu:?}"),
        Isa::Avx512 | Isa::Avx512Bf16 => assert_eq!(sums(cpu), sixteen, "{cpu:?}"),
        Isa::Neon => {}
    });
}

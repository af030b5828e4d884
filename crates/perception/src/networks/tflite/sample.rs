//! Builds a small network for tests by hand: sparse half-precision weights, which are made dense, followed by one
//! convolution.

/// A field of a table or an item of a list.
pub(crate) enum Part {
    Absent,
    U8(u8),
    I32(i32),
    Bytes(Vec<u8>),
    Ints(Vec<i32>),
    Table(Vec<Part>),
    Tables(Vec<Vec<Part>>),
}

/// Appends a table and returns its position.
fn write_table(out: &mut Vec<u8>, fields: &[Part]) -> usize {
    let vtable = out.len();
    out.extend((4 + 2 * fields.len() as u16).to_le_bytes());
    out.extend((4 + 4 * fields.len() as u16).to_le_bytes());
    for (index, field) in fields.iter().enumerate() {
        let offset = if matches!(field, Part::Absent) { 0 } else { 4 + 4 * index as u16 };
        out.extend(offset.to_le_bytes());
    }
    let table = out.len();
    out.extend(((table - vtable) as i32).to_le_bytes());
    for field in fields {
        out.extend(match field {
            Part::U8(value) => [*value, 0, 0, 0],
            Part::I32(value) => value.to_le_bytes(),
            _ => [0; 4],
        });
    }
    for (index, field) in fields.iter().enumerate() {
        let child = match field {
            Part::Absent | Part::U8(_) | Part::I32(_) => continue,
            Part::Table(fields) => write_table(out, fields),
            Part::Bytes(bytes) => write_vector(out, bytes.len(), bytes),
            Part::Ints(values) => {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                write_vector(out, values.len(), &bytes)
            }
            Part::Tables(tables) => write_tables(out, tables),
        };
        point(out, table + 4 + 4 * index, child);
    }
    table
}

fn write_vector(out: &mut Vec<u8>, length: usize, bytes: &[u8]) -> usize {
    let start = out.len();
    out.extend((length as u32).to_le_bytes());
    out.extend(bytes);
    start
}

fn write_tables(out: &mut Vec<u8>, tables: &[Vec<Part>]) -> usize {
    let start = write_vector(out, tables.len(), &vec![0; 4 * tables.len()]);
    for (index, fields) in tables.iter().enumerate() {
        let child = write_table(out, fields);
        point(out, start + 4 + 4 * index, child);
    }
    start
}

fn point(out: &mut [u8], from: usize, to: usize) {
    out[from..from + 4].copy_from_slice(&((to - from) as u32).to_le_bytes());
}

fn tensor(shape: &[i32], element: u8, buffer: i32, sparsity: Part) -> Vec<Part> {
    use Part::*;
    vec![Ints(shape.to_vec()), U8(element), I32(buffer), Absent, Absent, Absent, sparsity]
}

fn operator(code: i32, inputs: &[i32], output: i32, options: Part) -> Vec<Part> {
    use Part::*;
    vec![I32(code), Ints(inputs.to_vec()), Ints(vec![output]), U8(1), options]
}

/// `[1, 2, 2, 2] -> [1, 2, 2, 2]`: `relu6([[0, 3], [2, 0]] x + [1, -1])` for each pixel `x`.
pub(crate) fn sample() -> Vec<u8> {
    use Part::*;
    let list = |values: &[i32]| Table(vec![Ints(values.to_vec())]);
    let dense = |size| vec![U8(0), I32(size)];
    let rows = vec![U8(1), Absent, U8(1), list(&[0, 1, 2]), U8(1), list(&[1, 0])];
    let sparsity = vec![Ints(vec![0, 1, 2, 3]), Absent, Tables(vec![dense(2), dense(1), dense(1), rows])];
    let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let tensors = vec![
        tensor(&[1, 2, 2, 2], 0, 0, Absent),
        tensor(&[2, 1, 1, 2], 1, 1, Table(sparsity)),
        tensor(&[2, 1, 1, 2], 1, 0, Absent),
        tensor(&[2, 1, 1, 2], 0, 0, Absent),
        tensor(&[2], 0, 2, Absent),
        tensor(&[1, 2, 2, 2], 0, 0, Absent),
    ];
    let convolution = vec![U8(0), I32(1), I32(1), U8(3)];
    let operators = vec![
        operator(0, &[1], 2, Absent),
        operator(1, &[2], 3, Absent),
        operator(2, &[0, 3, 4], 5, Table(convolution)),
    ];
    let graph = vec![Tables(tensors), Ints(vec![0]), Ints(vec![5]), Tables(operators)];
    let codes = [124, 6, 3].map(|code| vec![U8(code), Absent, Absent, I32(i32::from(code))]);
    let (three, two) = (0x4200_u16.to_le_bytes(), 0x4000_u16.to_le_bytes());
    let buffers = vec![vec![], vec![Bytes([three, two].concat())], vec![Bytes(floats(&[1.0, -1.0]))]];
    let model = [I32(3), Tables(codes.into()), Tables(vec![graph]), Absent, Tables(buffers)];
    let mut out = b"\0\0\0\0TFL3".to_vec();
    let root = write_table(&mut out, &model);
    point(&mut out, 0, root);
    out
}

//! Defines the parts of the TensorFlow Lite schema that these networks use, as plain structs.

use super::flatbuffer::{Bytes, Table};
use super::{Fault, Result};

/// The highest supported rank of a tensor; the networks use 4.
const MAX_RANK: usize = 6;
/// Largest number of cells of one tensor (256 MiB of `f32`).
const MAX_CELLS: usize = 1 << 26;
/// Largest number of tensors or operators of a network.
const MAX_ITEMS: usize = 1 << 14;
/// Largest number of inputs or outputs of an operator.
const MAX_OPERANDS: usize = 64;

/// The element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F32,
    F16,
    I32,
    Other(u8),
}

/// One tensor: a weight if it has bytes, otherwise a value computed at run time.
#[derive(Clone)]
pub(crate) struct Tensor<'a> {
    pub(crate) shape: Vec<usize>,
    pub(crate) element: Element,
    pub(crate) bytes: &'a [u8],
    pub(crate) sparsity: Option<Table<'a>>,
}

/// One operator of the network. Operands are indices of tensors; -1 in the file means left out.
pub(crate) struct Operator<'a> {
    pub(crate) code: Code,
    pub(crate) inputs: Vec<Option<usize>>,
    pub(crate) outputs: Vec<usize>,
    pub(crate) options: Option<Table<'a>>,
    pub(crate) custom_options: &'a [u8],
}

/// The kind of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Code {
    BuiltIn(i32),
    Custom(String),
}

/// The first (and only) graph of a file.
pub(crate) struct Network<'a> {
    pub(crate) tensors: Vec<Tensor<'a>>,
    pub(crate) operators: Vec<Operator<'a>>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) outputs: Vec<usize>,
}

const CUSTOM: i32 = 32;

impl<'a> Network<'a> {
    /// Reads the structure of a file; weights are not copied.
    pub(crate) fn read(file: &'a [u8]) -> Result<Self> {
        if file.get(4..8) != Some(b"TFL3") {
            return Err(Fault::malformed("the identifier `TFL3` is missing at byte 4"));
        }
        let model = Bytes(file).table(0)?;
        let codes = read_codes(&model)?;
        let buffers = read_buffers(&model)?;
        let mut graphs = model.tables(2)?;
        let graph = graphs.next().ok_or_else(|| Fault::malformed("it contains no graph"))??;
        if graphs.next().is_some() {
            return Err(Fault::unsupported("it contains more than one graph"));
        }
        let tensors = graph.tables(0)?.take(MAX_ITEMS + 1);
        let tensors = tensors.map(|table| read_tensor(&table?, &buffers)).collect::<Result<Vec<_>>>()?;
        let operators = graph.tables(3)?.take(MAX_ITEMS + 1);
        let operators =
            operators.map(|table| read_operator(&table?, &codes, tensors.len())).collect::<Result<Vec<_>>>()?;
        if tensors.len() > MAX_ITEMS || operators.len() > MAX_ITEMS {
            return Err(Fault::malformed(format!("more than {MAX_ITEMS} tensors or operators")));
        }
        let inputs = read_outputs(&graph, 1, tensors.len())?;
        let outputs = read_outputs(&graph, 2, tensors.len())?;
        Ok(Self { tensors, operators, inputs, outputs })
    }
}

fn read_codes(model: &Table) -> Result<Vec<Code>> {
    let codes = model.tables(1)?.take(MAX_ITEMS).map(|table| {
        let table = table?;
        // The first field is the old, one-byte code. Newer files use the last field and put 127 into the first.
        let code = i32::from(table.u8(0)?).max(table.i32(3)?);
        if code != CUSTOM {
            return Ok(Code::BuiltIn(code));
        }
        let name = table.vector(1, 1)?.raw();
        let name = str::from_utf8(&name[..name.len().min(80)]);
        name.map(|name| Code::Custom(name.to_owned())).map_err(|_| Fault::malformed("an operator name is not UTF-8"))
    });
    codes.collect()
}

fn read_buffers<'a>(model: &Table<'a>) -> Result<Vec<&'a [u8]>> {
    let buffers = model.tables(4)?.map(|table| {
        let table = table?;
        if table.u64(1)? > 1 {
            return Err(Fault::unsupported("weights outside the flatbuffer"));
        }
        Ok(table.vector(0, 1)?.raw())
    });
    buffers.collect()
}

fn read_tensor<'a>(table: &Table<'a>, buffers: &[&'a [u8]]) -> Result<Tensor<'a>> {
    let dims = table.vector(0, 4)?;
    if dims.len() > MAX_RANK {
        return Err(Fault::malformed(format!("a tensor has rank {}, expected at most {MAX_RANK}", dims.len())));
    }
    let shape = dims.i32s().map(|dim| {
        let size = usize::try_from(dim).ok().filter(|size| (1..=MAX_CELLS).contains(size));
        size.ok_or_else(|| Fault::malformed(format!("a tensor has the axis length {dim}")))
    });
    let shape = shape.collect::<Result<Vec<_>>>()?;
    let cells = shape.iter().try_fold(1_usize, |cells, size| cells.checked_mul(*size));
    if cells.is_none_or(|cells| cells > MAX_CELLS) {
        return Err(Fault::malformed(format!("a tensor has shape {shape:?}, expected at most {MAX_CELLS} elements")));
    }
    let element = match table.u8(1)? {
        0 => Element::F32,
        1 => Element::F16,
        2 => Element::I32,
        other => Element::Other(other),
    };
    let buffer = table.u32(2)? as usize;
    let bytes = *buffers
        .get(buffer)
        .ok_or_else(|| Fault::malformed(format!("buffer index {buffer}, number of buffers {}", buffers.len())))?;
    Ok(Tensor { shape, element, bytes, sparsity: table.table(6)? })
}

fn read_operands(table: &Table, field: usize, tensors: usize) -> Result<Vec<Option<usize>>> {
    let operands = table.vector(field, 4)?;
    if operands.len() > MAX_OPERANDS {
        return Err(Fault::malformed(format!(
            "number of operands {}, expected at most {MAX_OPERANDS}",
            operands.len()
        )));
    }
    let operands = operands.i32s().map(|operand| match usize::try_from(operand) {
        Ok(index) if index < tensors => Ok(Some(index)),
        Err(_) if operand == -1 => Ok(None),
        _ => Err(Fault::malformed(format!("tensor index {operand}, number of tensors {tensors}"))),
    });
    operands.collect()
}

fn read_outputs(table: &Table, field: usize, tensors: usize) -> Result<Vec<usize>> {
    let operands = read_operands(table, field, tensors)?;
    operands.into_iter().map(|index| index.ok_or_else(|| Fault::malformed("an operator lacks a result"))).collect()
}

fn read_operator<'a>(table: &Table<'a>, codes: &[Code], tensors: usize) -> Result<Operator<'a>> {
    let index = table.u32(0)? as usize;
    let code = codes
        .get(index)
        .ok_or_else(|| Fault::malformed(format!("operator code index {index}, number of codes {}", codes.len())))?;
    Ok(Operator {
        code: code.clone(),
        inputs: read_operands(table, 1, tensors)?,
        outputs: read_outputs(table, 2, tensors)?,
        options: table.table(4)?,
        custom_options: table.vector(5, 1)?.raw(),
    })
}

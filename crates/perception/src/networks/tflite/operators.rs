//! Converts operators, with one function per operator: it checks the operands, computes the shape of the result, and
//! emits the equivalent ONNX nodes.

use super::graph::Graph;
use super::onnx::AttributeProto;
use super::operands::{activated, bias, count, input, options, output};
use super::schema::{Code, Operator};
use super::shapes::{CHANNELS_FIRST, onnx_axis, onnx_shape};
use super::steps::{PlaneWork, is_workable};
use super::windows::{convolution, pool, transposed_convolution};
use super::{Fault, Result};
use crate::networks::plane_resize::{Corners, PlaneResize};

/// Adds the nodes of one operator to the graph.
pub(crate) fn convert(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let name = match &operator.code {
        Code::Custom(name) if name == "Convolution2DTransposeBias" => return transposed_convolution(graph, operator),
        Code::Custom(name) => return Err(Fault::unsupported(format!("custom operator `{name}`"))),
        Code::BuiltIn(code) => *code,
    };
    match name {
        0 => arithmetic(graph, operator, "Add"),
        1 => pool(graph, operator, "AveragePool"),
        2 => concatenation(graph, operator),
        3 => convolution(graph, operator, false),
        4 => convolution(graph, operator, true),
        5 => depth_to_space(graph, operator),
        6 | 124 => constant(graph, operator), // DEQUANTIZE of half precision, DENSIFY: done by the weight reader
        9 => fully_connected(graph, operator),
        14 => unary(graph, operator, "Sigmoid"),
        17 => pool(graph, operator, "MaxPool"),
        18 => arithmetic(graph, operator, "Mul"),
        19 => unary(graph, operator, "Relu"),
        22 => reshape(graph, operator),
        23 => resize_bilinear(graph, operator),
        34 => pad(graph, operator),
        40 => mean(graph, operator),
        45 => strided_slice(graph, operator),
        54 => parametric_relu(graph, operator),
        117 => unary(graph, operator, "HardSwish"),
        other => Err(Fault::unsupported(format!("operator {other}"))),
    }
}

fn constant(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let values = graph.constant(input(operator, 0)?)?;
    graph.define_constant(output(operator)?, values)
}

fn unary(graph: &mut Graph, operator: &Operator, op_type: &str) -> Result<()> {
    let source = input(operator, 0)?;
    let name = graph.live(source)?;
    let name = graph.node(op_type, vec![name], vec![]);
    graph.define(output(operator)?, graph.shape(source), name)
}

fn arithmetic(graph: &mut Graph, operator: &Operator, op_type: &str) -> Result<()> {
    let activation = options(operator)?.u8(0)?;
    let (name, shape) = graph.elementwise(op_type, input(operator, 0)?, input(operator, 1)?)?;
    let name = activated(graph, name, activation)?;
    graph.define(output(operator)?, &shape, name)
}

fn parametric_relu(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let (source, slope) = (input(operator, 0)?, input(operator, 1)?);
    graph.live(source)?;
    let (name, shape) = graph.elementwise("PRelu", source, slope)?;
    graph.define(output(operator)?, &shape, name)
}

fn concatenation(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let options = options(operator)?;
    let first = graph.shape(input(operator, 0)?);
    let onnx = onnx_axis(i64::from(options.i32(0)?), first.len())?;
    let mut shape = onnx_shape(first);
    shape[onnx] = 0;
    let mut inputs = Vec::new();
    for index in 0..operator.inputs.len() {
        let operand = input(operator, index)?;
        let part = onnx_shape(graph.shape(operand));
        let alike = part.len() == shape.len() && (0..shape.len()).all(|axis| axis == onnx || part[axis] == shape[axis]);
        if !alike {
            return Err(Fault::malformed(format!(
                "shapes {first:?} and {:?} cannot be concatenated",
                graph.shape(operand)
            )));
        }
        shape[onnx] += part[onnx];
        inputs.push(graph.operand(operand, shape.len())?);
    }
    let name = graph.node("Concat", inputs, vec![AttributeProto::int("axis", onnx as i64)]);
    let name = activated(graph, name, options.u8(1)?)?;
    let shape = match shape[..] {
        [n, c, h, w] => vec![n, h, w, c],
        _ => shape,
    };
    graph.define(output(operator)?, &shape, name)
}

fn depth_to_space(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let source = input(operator, 0)?;
    let [batch, height, width, channels] = graph.sides(source)?;
    let block = count(options(operator)?.i32(0)?)?;
    if block == 0 || block > channels || !channels.is_multiple_of(block * block) {
        return Err(Fault::malformed(format!("{channels} channels cannot be split into blocks of {block}")));
    }
    let name = graph.live(source)?;
    let attributes = vec![AttributeProto::int("blocksize", block as i64), AttributeProto::string("mode", "DCR")];
    let name = graph.node("DepthToSpace", vec![name], attributes);
    graph.define(output(operator)?, &[batch, height * block, width * block, channels / (block * block)], name)
}

/// Sets the values of a tensor in the file's order of cells, for any rank.
fn in_file_order(graph: &mut Graph, tensor: usize) -> Result<String> {
    let name = graph.live(tensor)?;
    Ok(match graph.shape(tensor).len() {
        4 => graph.node("Transpose", vec![name], vec![AttributeProto::ints("perm", &CHANNELS_FIRST)]),
        _ => name,
    })
}

fn reshape(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let (source, result) = (input(operator, 0)?, output(operator)?);
    let shape = graph.shape(result);
    if shape.iter().product::<usize>() != graph.shape(source).iter().product::<usize>() {
        return Err(Fault::malformed(format!("shape {:?} cannot be reshaped to {shape:?}", graph.shape(source))));
    }
    let name = in_file_order(graph, source)?;
    let sizes: Vec<i64> = shape.iter().map(|size| *size as i64).collect();
    let sizes = graph.whole_numbers(&sizes);
    let mut name = graph.node("Reshape", vec![name, sizes], vec![]);
    if shape.len() == 4 {
        name = graph.node("Transpose", vec![name], vec![AttributeProto::ints("perm", &[0, 3, 1, 2])]);
    }
    graph.define(result, shape, name)
}

fn fully_connected(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let (source, matrix, result) = (input(operator, 0)?, input(operator, 1)?, output(operator)?);
    let options = options(operator)?;
    let &[units, width] = graph.shape(matrix) else {
        return Err(Fault::malformed(format!("invalid matrix shape {:?}", graph.shape(matrix))));
    };
    let cells: usize = graph.shape(source).iter().product();
    if !cells.is_multiple_of(width) || options.u8(1)? != 0 || options.flag(2)? {
        return Err(Fault::unsupported(format!(
            "a matrix of width {width} applied to shape {:?}",
            graph.shape(source)
        )));
    }
    let values = graph.constant(matrix)?;
    let name = in_file_order(graph, source)?;
    let sizes = graph.whole_numbers(&[(cells / width) as i64, width as i64]);
    let name = graph.node("Reshape", vec![name, sizes], vec![]);
    let mut inputs = vec![name, graph.weight(&[units, width], &values)];
    inputs.extend(bias(graph, operator, units)?);
    let name = graph.node("Gemm", inputs, vec![AttributeProto::int("transB", 1)]);
    let name = activated(graph, name, options.u8(0)?)?;
    graph.define(result, &[cells / width, units], name)
}

fn resize_bilinear(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let source = input(operator, 0)?;
    let [batch, rows, columns, channels] = graph.sides(source)?;
    let sizes = graph.integers(input(operator, 1)?)?;
    let &[height, width] = sizes.as_slice() else {
        return Err(Fault::malformed(format!("the output size has {} values, expected 2", sizes.len())));
    };
    let options = options(operator)?;
    let (mode, corners) = match (options.flag(2)?, options.flag(3)?) {
        (true, false) => ("align_corners", Corners::Aligned),
        (false, true) => ("half_pixel", Corners::HalfPixel),
        (false, false) => ("asymmetric", Corners::Asymmetric),
        (true, true) => return Err(Fault::malformed("a resize sets both corner alignment options")),
    };
    let name = graph.live(source)?;
    let result = [height, width].map(|size| usize::try_from(size).unwrap_or(0));
    let resize = PlaneResize { channels, source: [rows, columns], result, corners };
    let name = if batch == 1 && is_workable(channels, resize.source) && is_workable(channels, result) {
        graph.planes(name, PlaneWork::Resize(resize))
    } else {
        let sizes = graph.whole_numbers(&[batch as i64, channels as i64, height, width]);
        let mode = AttributeProto::string("coordinate_transformation_mode", mode);
        let attributes = vec![AttributeProto::string("mode", "linear"), mode];
        graph.node("Resize", vec![name, String::new(), String::new(), sizes], attributes)
    };
    let [height, width] = result;
    graph.define(output(operator)?, &[batch, height, width, channels], name)
}

fn pad(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let source = input(operator, 0)?;
    let amounts = graph.integers(input(operator, 1)?)?;
    let shape = graph.shape(source);
    if amounts.len() != 2 * shape.len() || amounts.iter().any(|amount| !(0..=4096).contains(amount)) {
        return Err(Fault::malformed(format!("paddings {amounts:?} do not fit shape {shape:?}")));
    }
    let mut padded = shape.to_vec();
    let mut moved = vec![0; amounts.len()];
    for (axis, amount) in amounts.chunks_exact(2).enumerate() {
        padded[axis] += (amount[0] + amount[1]) as usize;
        let axis = onnx_axis(axis as i64, shape.len())?;
        moved[axis] = amount[0];
        moved[shape.len() + axis] = amount[1];
    }
    let name = graph.live(source)?;
    let amounts = graph.whole_numbers(&moved);
    let name = graph.node("Pad", vec![name, amounts], vec![]);
    graph.define(output(operator)?, &padded, name)
}

fn mean(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let source = input(operator, 0)?;
    let [batch, _, _, channels] = graph.sides(source)?;
    let mut axes = graph.integers(input(operator, 1)?)?;
    axes.sort_unstable();
    if axes != [1, 2] {
        return Err(Fault::unsupported(format!("mean over the axes {axes:?}")));
    }
    let keep = options(operator)?.flag(0)?;
    let name = graph.live(source)?;
    let attributes = vec![AttributeProto::ints("axes", &[2, 3]), AttributeProto::int("keepdims", i64::from(keep))];
    let name = graph.node("ReduceMean", vec![name], attributes);
    let shape = if keep { vec![batch, 1, 1, channels] } else { vec![batch, channels] };
    graph.define(output(operator)?, &shape, name)
}

fn strided_slice(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let source = input(operator, 0)?;
    let shape = graph.shape(source);
    let rank = shape.len();
    let list = |graph: &Graph, index| graph.integers(input(operator, index)?);
    let (begins, ends, strides) = (list(graph, 1)?, list(graph, 2)?, list(graph, 3)?);
    if [&begins, &ends, &strides].iter().any(|list| list.len() != rank) {
        return Err(Fault::unsupported(format!("a slice of {} axes of shape {shape:?}", begins.len())));
    }
    let options = options(operator)?;
    if (2..5).map(|field| options.i32(field)).collect::<Result<Vec<_>>>()? != [0, 0, 0] {
        return Err(Fault::unsupported("a slice that adds or drops axes"));
    }
    let (begin_mask, end_mask) = (options.i32(0)?, options.i32(1)?);
    let mut sliced = Vec::new();
    let [mut starts, mut stops, mut steps] = [vec![0; rank], vec![0; rank], vec![0; rank]];
    for axis in 0..rank {
        let side = shape[axis] as i64;
        let place = |value: i64| (if value < 0 { value + side } else { value }).clamp(0, side);
        let begin = if begin_mask >> axis & 1 == 1 { 0 } else { place(begins[axis]) };
        let end = if end_mask >> axis & 1 == 1 { side } else { place(ends[axis]) };
        if strides[axis] < 1 || begin >= end {
            return Err(Fault::malformed(format!(
                "slice {begin}..{end} with step {} does not fit an axis of length {side}",
                strides[axis]
            )));
        }
        sliced.push((end - begin).unsigned_abs().div_ceil(strides[axis].unsigned_abs()) as usize);
        let axis_after = onnx_axis(axis as i64, rank)?;
        (starts[axis_after], stops[axis_after], steps[axis_after]) = (begin, end, strides[axis]);
    }
    let axes: Vec<i64> = (0..rank as i64).collect();
    let mut inputs = vec![graph.live(source)?];
    inputs.extend([starts, stops, axes, steps].iter().map(|list| graph.whole_numbers(list)));
    let name = graph.node("Slice", inputs, vec![]);
    graph.define(output(operator)?, &sliced, name)
}

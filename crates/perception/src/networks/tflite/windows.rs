//! Converts the operators that slide a window over a picture: convolution and pooling.

use kernels::PlaneGeometry;

use super::graph::Graph;
use super::onnx::AttributeProto;
use super::operands::{activated, bias, bias_values, count, input, options, output};
use super::schema::Operator;
use super::shapes::{Padding, Placed, Window, transposed};
use super::steps::{PlaneWork, is_workable};
use super::{Fault, Result};

/// Up to this number of result planes, convolving plane by plane is faster than a matmul.
const FEW: usize = 2;

fn padding(value: u8) -> Result<Padding> {
    match value {
        0 => Ok(Padding::Same),
        1 => Ok(Padding::Valid),
        other => Err(Fault::malformed(format!("padding of kind {other}"))),
    }
}

/// `[before_height, before_width, after_height, after_width]`, the order of ONNX.
fn pads(height: Placed, width: Placed) -> AttributeProto {
    AttributeProto::ints("pads", &[height.before, width.before, height.after, width.after])
}

pub(super) fn convolution(graph: &mut Graph, operator: &Operator, depthwise: bool) -> Result<()> {
    let (source, kernel) = (input(operator, 0)?, input(operator, 1)?);
    let [batch, height, width, channels] = graph.sides(source)?;
    let [first, kernel_height, kernel_width, last] = graph.sides(kernel)?;
    let options = options(operator)?;
    let activation_field = if depthwise { 4 } else { 3 };
    let [stride_w, stride_h] = [count(options.i32(1)?)?, count(options.i32(2)?)?];
    // The schema's default dilation is 1. An absent field reads as 0.
    let dilation = |field| Ok::<_, Fault>(count(options.i32(field)?)?.max(1));
    let [dilation_w, dilation_h] = [dilation(activation_field + 1)?, dilation(activation_field + 2)?];
    let padding = padding(options.u8(0)?)?;
    let rows = Window { kernel: kernel_height, stride: stride_h, dilation: dilation_h }.place(height, padding)?;
    let columns = Window { kernel: kernel_width, stride: stride_w, dilation: dilation_w }.place(width, padding)?;
    // Kernels are [O, h, w, I], depthwise ones [1, h, w, O]; ONNX wants [O, I / groups, h, w].
    let (filters, groups, order) = if depthwise { (last, channels, [3, 0, 1, 2]) } else { (first, 1, [0, 3, 1, 2]) };
    let fits = if depthwise { first == 1 && last.is_multiple_of(channels) } else { last == channels };
    if !fits {
        return Err(Fault::malformed(format!("kernel of shape {:?} on {channels} channels", graph.shape(kernel))));
    }
    let values = graph.constant(kernel)?;
    let values = transposed(&values, [first, kernel_height, kernel_width, last], order);
    let shape = [batch, rows.length, columns.length, filters];
    let range = range(options.u8(activation_field)?);
    let geometry = PlaneGeometry {
        channels: [channels, filters],
        groups,
        kernel: [kernel_height, kernel_width],
        stride: stride_h,
        before: [rows.before, columns.before],
        source: [height, width],
        result: [rows.length, columns.length],
        range: range.unwrap_or_default(),
    };
    let plain = range.is_some() && batch == 1 && stride_h == stride_w && [dilation_h, dilation_w] == [1, 1];
    if plain && is_for_planes(&geometry) {
        let name = graph.live(source)?;
        let bias = bias_values(graph, operator, filters)?.unwrap_or_else(|| vec![0.0; filters]);
        let name = graph.planes(name, PlaneWork::Convolution { geometry, weight: values, bias });
        return graph.define(output(operator)?, &shape, name);
    }
    let weight = graph.weight(&[filters, channels / groups, kernel_height, kernel_width], &values);
    let mut inputs = vec![graph.live(source)?, weight];
    inputs.extend(bias(graph, operator, filters)?);
    let attributes = vec![
        AttributeProto::ints("kernel_shape", &[kernel_height, kernel_width]),
        AttributeProto::ints("strides", &[stride_h, stride_w]),
        AttributeProto::ints("dilations", &[dilation_h, dilation_w]),
        AttributeProto::int("group", groups as i64),
        pads(rows, columns),
    ];
    let name = graph.node("Conv", inputs, attributes);
    let name = activated(graph, name, options.u8(activation_field)?)?;
    graph.define(output(operator)?, &shape, name)
}

/// The bounds of a fused activation; none for an unknown one.
fn range(activation: u8) -> Option<[f32; 2]> {
    match activation {
        0 => Some([f32::NEG_INFINITY, f32::INFINITY]),
        1 => Some([0.0, f32::INFINITY]),
        3 => Some([0.0, 6.0]),
        _ => None,
    }
}

/// True for operators in which each result plane depends on few planes, or which have few result planes. For these, a
/// matmul has no advantage.
fn is_for_planes(of: &PlaneGeometry) -> bool {
    let ([channels, filters], [rows, columns]) = (of.channels, of.kernel);
    let few = of.groups == channels || filters <= FEW;
    few && rows * columns > 1 && is_workable(channels, of.source) && is_workable(filters, of.result)
}

/// MediaPipe's own operator: int32 padding (1 same, 2 valid), stride width, stride height; kernel `[O, h, w, I]`.
pub(super) fn transposed_convolution(graph: &mut Graph, operator: &Operator) -> Result<()> {
    let (source, kernel) = (input(operator, 0)?, input(operator, 1)?);
    let [batch, height, width, channels] = graph.sides(source)?;
    let [filters, kernel_height, kernel_width, last] = graph.sides(kernel)?;
    let (words, rest) = operator.custom_options.as_chunks::<4>();
    let (&[padding, stride_w, stride_h], []) = (words, rest) else {
        return Err(Fault::malformed(format!("{} bytes of custom options", operator.custom_options.len())));
    };
    let padding = match i32::from_le_bytes(padding) {
        1 => Padding::Same,
        2 => Padding::Valid,
        other => return Err(Fault::malformed(format!("padding of kind {other}"))),
    };
    let [stride_w, stride_h] = [count(i32::from_le_bytes(stride_w))?, count(i32::from_le_bytes(stride_h))?];
    let rows = Window { kernel: kernel_height, stride: stride_h, dilation: 1 }.spread(height, padding)?;
    let columns = Window { kernel: kernel_width, stride: stride_w, dilation: 1 }.spread(width, padding)?;
    if last != channels {
        return Err(Fault::malformed(format!("kernel of shape {:?} on {channels} channels", graph.shape(kernel))));
    }
    let values = graph.constant(kernel)?;
    let values = transposed(&values, [filters, kernel_height, kernel_width, last], [3, 0, 1, 2]);
    let weight = graph.weight(&[channels, filters, kernel_height, kernel_width], &values);
    let mut inputs = vec![graph.live(source)?, weight];
    inputs.extend(bias(graph, operator, filters)?);
    let attributes = vec![
        AttributeProto::ints("kernel_shape", &[kernel_height, kernel_width]),
        AttributeProto::ints("strides", &[stride_h, stride_w]),
        pads(rows, columns),
    ];
    let name = graph.node("ConvTranspose", inputs, attributes);
    graph.define(output(operator)?, &[batch, rows.length, columns.length, filters], name)
}

pub(super) fn pool(graph: &mut Graph, operator: &Operator, op_type: &str) -> Result<()> {
    let source = input(operator, 0)?;
    let [batch, height, width, channels] = graph.sides(source)?;
    let options = options(operator)?;
    let [stride_w, stride_h] = [count(options.i32(1)?)?, count(options.i32(2)?)?];
    let [kernel_w, kernel_h] = [count(options.i32(3)?)?, count(options.i32(4)?)?];
    let padding = padding(options.u8(0)?)?;
    let rows = Window { kernel: kernel_h, stride: stride_h, dilation: 1 }.place(height, padding)?;
    let columns = Window { kernel: kernel_w, stride: stride_w, dilation: 1 }.place(width, padding)?;
    let attributes = vec![
        AttributeProto::ints("kernel_shape", &[kernel_h, kernel_w]),
        AttributeProto::ints("strides", &[stride_h, stride_w]),
        pads(rows, columns),
    ];
    let name = graph.live(source)?;
    let name = graph.node(op_type, vec![name], attributes);
    let name = activated(graph, name, options.u8(5)?)?;
    graph.define(output(operator)?, &[batch, rows.length, columns.length, channels], name)
}

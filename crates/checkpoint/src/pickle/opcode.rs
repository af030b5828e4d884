//! Lists the supported instructions, and the names of the unsupported instructions for error messages.

macro_rules! instructions {
    ($($name:ident = $code:literal),* $(,)?) => {
        /// An instruction that a dictionary of tensors may need.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Opcode { $($name),* }

        impl Opcode {
            pub(super) fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

instructions! {
    Mark = b'(', Stop = b'.', Pop = b'0', PopMark = b'1', Dup = b'2',
    BinFloat = b'G', BinInt = b'J', BinInt1 = b'K', BinInt2 = b'M', None = b'N', BinPersistentId = b'Q', Reduce = b'R',
    BinString = b'T', ShortBinString = b'U', BinUnicode = b'X',
    Append = b'a', Build = b'b', Global = b'c', Dict = b'd', EmptyDict = b'}', Appends = b'e',
    BinGet = b'h', LongBinGet = b'j', List = b'l', EmptyList = b']', BinPut = b'q', LongBinPut = b'r',
    SetItem = b's', Tuple = b't', EmptyTuple = b')', SetItems = b'u',
    Proto = 0x80, Tuple1 = 0x85, Tuple2 = 0x86, Tuple3 = 0x87, NewTrue = 0x88, NewFalse = 0x89,
    Long1 = 0x8a, Long4 = 0x8b, ShortBinUnicode = 0x8c, BinUnicode8 = 0x8d, StackGlobal = 0x93, Memoize = 0x94, Frame = 0x95,
}

/// Names of the other instructions, from the format's own documentation.
const REFUSED: [(u8, &str); 24] = [
    (b'F', "FLOAT"),
    (b'I', "INT"),
    (b'L', "LONG"),
    (b'P', "PERSID"),
    (b'S', "STRING"),
    (b'V', "UNICODE"),
    (b'g', "GET"),
    (b'p', "PUT"),
    (b'i', "INST"),
    (b'o', "OBJ"),
    (b'B', "BINBYTES"),
    (b'C', "SHORT_BINBYTES"),
    (0x81, "NEWOBJ"),
    (0x82, "EXT1"),
    (0x83, "EXT2"),
    (0x84, "EXT4"),
    (0x8e, "BINBYTES8"),
    (0x8f, "EMPTY_SET"),
    (0x90, "ADDITEMS"),
    (0x91, "FROZENSET"),
    (0x92, "NEWOBJ_EX"),
    (0x96, "BYTEARRAY8"),
    (0x97, "NEXT_BUFFER"),
    (0x98, "READONLY_BUFFER"),
];

/// The name of a refused instruction.
pub(super) fn name_of_refused(byte: u8) -> String {
    let known = REFUSED.iter().find(|(code, _)| *code == byte);
    known.map_or_else(|| format!("0x{byte:02x}"), |(_, name)| (*name).into())
}

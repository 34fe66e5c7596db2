"""What tells the clients of the matrix apart."""

from records import CODECS


class Client:
    plain = False  # sends neither headers per record, nor nulls, nor timestamps
    codecs = CODECS  # those that its producer has
    reads = CODECS  # those that its consumer has
    empty_is_null = False  # its consumer cannot tell an empty value from none
    last_header_only = False  # keeps headers in a map by name

#include "net/messages/offset_delete.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::offset_delete_request);
KARST_DEFINE_MESSAGE(karst::net::offset_delete_response);

#include "net/messages/metadata.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::metadata_request);
KARST_DEFINE_MESSAGE(karst::net::metadata_response);

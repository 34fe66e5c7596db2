#include "net/messages/delete_records.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::delete_records_request);
KARST_DEFINE_MESSAGE(karst::net::delete_records_response);

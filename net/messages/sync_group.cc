#include "net/messages/sync_group.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::sync_group_request);
KARST_DEFINE_MESSAGE(karst::net::sync_group_response);

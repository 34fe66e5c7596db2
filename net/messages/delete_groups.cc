#include "net/messages/delete_groups.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::delete_groups_request);
KARST_DEFINE_MESSAGE(karst::net::delete_groups_response);
